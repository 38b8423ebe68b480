import type { ServerResponse } from 'node:http'
import { decimalsOf } from '@titan/payments'
import type { Money } from '../gateway.ts'

/** What the gateway answered. */
export interface UpstreamAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** What the network or something in front of the gateway does to a request. */
export interface Fault {
  /** How far the request comes: not to the proxy, to the proxy, or to the gateway, which then processes it. */
  readonly reaches: 'nothing' | 'proxy' | 'gateway'
  /** Answers in place of the gateway; without an answer, the caller waits until it gives up. */
  readonly answer?: (response: ServerResponse, answer: UpstreamAnswer) => void
}

/** Passes an answer on. */
export function relay(response: ServerResponse, { status, headers, body }: UpstreamAnswer): void {
  response.writeHead(status, headers).end(body)
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

/** Announces the whole answer and writes half of it. */
function writeHalf(response: ServerResponse, { status, headers, body }: UpstreamAnswer): Promise<void> {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  const half = body.subarray(0, Math.floor(body.length / 2))
  return new Promise((resolve) => void response.write(half, () => resolve()))
}

/** Answers with a body of something else, after the gateway has processed the request. */
function replaceBy(status: number, body: string, type: string, headers: Record<string, string> = {}): Fault {
  return {
    reaches: 'gateway',
    answer: (response) => {
      const length = Buffer.byteLength(body)
      response.writeHead(status, { 'content-type': type, 'content-length': length, ...headers }).end(body)
    },
  }
}

const HTML = '<!doctype html><title>Sorry</title><h1>Something went wrong</h1>'
const JSON_ERROR = '{"error":"internal"}'

/** Seconds that the throttled answer asks to wait. */
export const RETRY_AFTER_S = 7

export const FAULTS = {
  resetOnConnect: { reaches: 'nothing' },
  resetBefore: { reaches: 'proxy', answer: reset },
  resetAfter: { reaches: 'gateway', answer: reset },
  resetMidway: {
    reaches: 'gateway',
    answer: (response, answer) => void writeHalf(response, answer).then(() => reset(response)),
  },
  lost: { reaches: 'gateway', answer: (response) => void response.socket?.end() },
  silentBefore: { reaches: 'proxy' },
  silentAfter: { reaches: 'gateway' },
  silentMidway: { reaches: 'gateway', answer: (response, answer) => void writeHalf(response, answer) },
  error500: replaceBy(500, JSON_ERROR, 'application/json'),
  error502: replaceBy(502, HTML, 'text/html'),
  error503: replaceBy(503, '', 'text/plain'),
  throttled: { ...replaceBy(429, JSON_ERROR, 'application/json'), reaches: 'proxy' },
  throttledFor: {
    ...replaceBy(429, JSON_ERROR, 'application/json', { 'retry-after': String(RETRY_AFTER_S) }),
    reaches: 'proxy',
  },
  html: replaceBy(200, HTML, 'text/html'),
  html404: replaceBy(404, HTML, 'text/html'),
  redirect: replaceBy(302, '', 'text/plain', { location: '/login' }),
  empty: replaceBy(200, '', 'application/json'),
  nullBody: replaceBy(200, 'null', 'application/json'),
  emptyObject: replaceBy(200, '{}', 'application/json'),
  truncated: {
    reaches: 'gateway',
    answer: (response, { status, headers, body }) =>
      relay(response, { status, headers, body: body.subarray(0, Math.floor(body.length / 2)) }),
  },
} as const satisfies Record<string, Fault>

/** An answer that names another amount or currency. Records in `changes` whether the answer named it at all. */
export function alter(from: Money, to: Money, changes: { count: number }): Fault {
  return {
    reaches: 'gateway',
    answer(response, { status, headers, body }) {
      const text = replaceMoney(body.toString('utf8'), from, to, changes)
      relay(response, { status, headers, body: Buffer.from(text) })
    },
  }
}

function replaceMoney(text: string, from: Money, to: Money, changes: { count: number }): string {
  const replaced = new Map<string, string>()
  if (from.amount !== to.amount) {
    const others = amountTexts(to)
    for (const [index, one] of amountTexts(from).entries()) replaced.set(one, others[index] ?? one)
  }
  if (from.currency !== to.currency) {
    replaced.set(from.currency, to.currency)
    replaced.set(from.currency.toLowerCase(), to.currency.toLowerCase())
  }
  let result = text
  for (const [one, other] of replaced)
    result = result.replaceAll(new RegExp(`(?<![\\w.])${one.replace('.', '\\.')}(?![\\w.])`, 'g'), () => {
      changes.count++
      return other
    })
  return result
}

/** How an amount can be written: in minor units, or in major ones with or without trailing zeros. */
export function amountTexts({ amount, currency }: Money): readonly string[] {
  const digits = decimalsOf(currency)
  const major = (amount / 10 ** digits).toFixed(digits)
  return [String(amount), major, String(Number(major))]
}
