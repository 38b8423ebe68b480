import { setTimeout as pause } from 'node:timers/promises'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Random } from './random.ts'

/** A response of the API. */
export interface Response {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

const TIMEOUT_MS = 10_000
/** Pause before a request is repeated; it doubles each time, because impatient clients would keep a busy server busy. */
export const REPEAT_MS = 200
const MAX_REPEAT_MS = 5_000
/** Requests in flight of all clients: clients that do not wait for a slow server open sockets until the process has no more. */
const MAX_IN_FLIGHT = 256

/** Sends requests to whichever API is drawn. */
export class Requests {
  /** Requests that were sent again because no response said what became of them. */
  repeated = 0
  readonly #urls: readonly string[]
  readonly #routes: Random
  readonly #limit: LimitFunction = pLimit(MAX_IN_FLIGHT)

  constructor(urls: readonly string[], routes: Random) {
    this.#urls = urls
    this.#routes = routes
  }

  /** Sends one request, with a token where keys are required; returns undefined when no response said what became of it. */
  send(token: string | undefined, path: string, body?: object): Promise<Response | undefined> {
    return this.#limit(() => this.#send(token, path, body))
  }

  async #send(token: string | undefined, path: string, body?: object): Promise<Response | undefined> {
    try {
      const response = await fetch(`${this.#routes.pick(this.#urls)}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      return { status: response.status, body: (await response.json()) as Response['body'] }
    } catch {
      return undefined
    }
  }

  /** Repeats a request until `isAnswer` takes its response, or `signal` aborts: then undefined. */
  async untilAnswered(
    send: () => Promise<Response | undefined>,
    isAnswer: (response: Response) => boolean,
    signal: AbortSignal,
  ): Promise<Response | undefined> {
    for (let waitMs = REPEAT_MS; !signal.aborted; waitMs = Math.min(2 * waitMs, MAX_REPEAT_MS)) {
      if (waitMs > REPEAT_MS) this.repeated++
      const response = await send()
      if (response !== undefined && isAnswer(response)) return response
      await pause(waitMs * (0.5 + Math.random() / 2))
    }
    return undefined
  }
}
