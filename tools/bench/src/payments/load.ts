import { endChild, nextMessage, startChild } from '../child.ts'
import type { Context } from '../scenario.ts'

/** What to send. */
export interface Load {
  readonly url: string
  /** POST sends a payment with a new key. */
  readonly method: 'GET' | 'POST'
  readonly requests: number
  /** Connections, each with one request at a time. */
  readonly inFlight: number
  /** Requests a second, evenly spaced; as many as are answered if absent. */
  readonly rate?: number
}

/** The result: the time from the first request to the last response, and how many succeeded. */
export interface LoadResult {
  readonly seconds: number
  readonly succeeded: number
}

/** Sends requests; returns how many were answered a second. Rejects unless all succeed. */
export type Send = (load: Load) => Promise<number>

/** Starts the process that sends, for the whole of a scenario. */
export async function openLoad(context: Context): Promise<Send> {
  const { child } = await startChild('payments/load-process.ts', [])
  context.defer(() => endChild(child))
  return async (load) => {
    child.send(load)
    const { seconds, succeeded } = (await nextMessage(child)) as LoadResult
    if (succeeded !== load.requests)
      throw new Error(`${load.method} ${load.url}: ${succeeded} of ${load.requests} succeeded`)
    return succeeded / seconds
  }
}
