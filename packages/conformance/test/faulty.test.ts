import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { acmeSource, behavioursOf, checkAtAcme } from './support/acme.ts'

const folder = mkdtempSync(join(tmpdir(), 'titan-faulty-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'package.json'), '{"type":"module"}')

/** The example adapter with one fault: a text of its source, and what is there instead. */
interface Planted {
  readonly fault: string
  readonly replace: string
  readonly by: string
  /** Behaviours that are checked. @default those that fail */
  readonly only?: string
  /** Those that must fail; the others that are checked must pass. */
  readonly fails: readonly string[]
  /** What the advice on the first one says. */
  readonly advice: RegExp
}

const KEY = "'idempotency-key': key },"
const ANSWER = 'return response.ok ? outcomeOf(await response.json()) : unknown(`status ${response.status}`)'
const CATCH =
  "return NEVER_SENT.has(reason) ? { type: 'NOT_SENT', fault: 'network', reason } : unknown(reason)"
const AMOUNTS = '      amount,\n      currency,\n      source'
const MOVE = '#send(`/charges/${chargeRef}/${kind}`, gatewayKey,'
const ONE_KEY = /Send gatewayKey as the idempotency key/

const FAULTY: readonly Planted[] = [
  {
    fault: 'no idempotency key',
    replace: `, ${KEY}`,
    by: ' },',
    only: 'key: ',
    fails: ['key: on the wire', 'key: a charge, repeated'],
    advice: /Nothing in the request depends on gatewayKey.*Idempotency-Key/,
  },
  {
    fault: 'a key where the gateway does not heed it',
    replace: `, ${KEY}`,
    by: ", 'x-request': key },",
    only: 'key: ',
    fails: ['key: a charge, repeated'],
    advice: ONE_KEY,
  },
  {
    fault: 'another key with each send',
    replace: KEY,
    by: "'idempotency-key': `${key}_${performance.now()}` },",
    only: 'key: a ',
    fails: ['key: a repeat', 'key: a charge, repeated'],
    advice: ONE_KEY,
  },
  {
    fault: 'another key with each process',
    replace: KEY,
    by: "'idempotency-key': `${key}_${process.pid}` },",
    only: 'process: ',
    fails: ['process: a charge, repeated after a restart'],
    advice: /Keep nothing in memory/,
  },
  {
    fault: 'one key for all attempts',
    replace: "return this.#send('/charges', gatewayKey,",
    by: "return this.#send('/charges', paymentId,",
    only: 'key: ',
    fails: ['key: on the wire', 'key: the next attempt of a payment'],
    advice: /depends on gatewayKey/,
  },
  {
    fault: 'a repeat by the adapter under another key',
    replace: ANSWER,
    by: "if (!response.ok && !key.endsWith('_again')) return this.#send(path, `${key}_again`, body, signal)\n      return outcomeOf(await response.json())",
    only: 'charge: status 500',
    fails: ['charge: status 500 with JSON'],
    advice: ONE_KEY,
  },
  {
    fault: 'the time in the body',
    replace: 'attempt: attemptNo,\n      amount,',
    by: 'attempt: attemptNo,\n      at: performance.now(),\n      amount,',
    only: 'charge: connection reset in',
    fails: ['charge: connection reset in the middle of the answer'],
    advice: /Build the body from the request alone/,
  },
  {
    fault: 'no NOT_SENT when the connection is refused',
    replace: "'ECONNREFUSED', ",
    by: '',
    only: 'charge: connection',
    fails: ['charge: connection refused'],
    advice: /Tell ECONNREFUSED from ECONNRESET/,
  },
  {
    fault: 'NOT_SENT when the connection is reset',
    replace: "'ECONNREFUSED', ",
    by: "'ECONNREFUSED', 'ECONNRESET', ",
    only: 'charge: connection',
    fails: [
      'charge: connection reset after the request, which was not processed',
      'charge: connection reset after the request, which was processed',
      'charge: connection reset in the middle of the answer',
    ],
    advice: /may have been processed: return UNKNOWN/,
  },
  {
    fault: 'NOT_SENT when the signal aborts',
    replace: CATCH,
    by: `if (signal.aborted) return { type: 'NOT_SENT', reason }\n      ${CATCH}`,
    only: 'charge: no answer in time',
    fails: ['charge: no answer in time, not processed', 'charge: no answer in time, processed'],
    advice: /UNKNOWN soon after the signal aborts/,
  },
  {
    fault: 'an error that is thrown',
    replace: CATCH,
    by: `if (!NEVER_SENT.has(reason)) throw error\n      ${CATCH}`,
    fails: ['charge: connection closed without an answer'],
    advice: /instead of throwing/,
  },
  {
    fault: 'a signal that is ignored',
    replace: "redirect: 'error',\n        signal,",
    by: "redirect: 'error',",
    only: 'charge: half an answer',
    fails: ['charge: half an answer, then silence'],
    advice: /Pass the signal to the HTTP client/,
  },
  {
    fault: 'a decline for status 500',
    replace: ANSWER,
    by: "return response.ok ? outcomeOf(await response.json()) : { type: 'DECLINED', code: 'error', kind: 'soft' }",
    fails: ['refund: status 500 with JSON'],
    advice: /return UNKNOWN/,
  },
  {
    fault: 'a success for any status 200',
    replace: ANSWER,
    by: "return { type: 'SUCCEEDED', gatewayRef: 'ch', currency: 'USD', ...body, ...(await response.json().catch(() => {})) }",
    only: 'charge: status 200',
    fails: [
      'charge: status 200 with HTML',
      'charge: status 200 with an empty body',
      'charge: status 200 with null',
      'charge: status 200 with an empty object',
    ],
    advice: /only when it is what the gateway documents/,
  },
  {
    fault: 'the amount of the request as that of the answer',
    replace: 'outcomeOf(await response.json()) :',
    by: 'outcomeOf({ ...(await response.json()), ...body }) :',
    only: 'charge: the gateway says',
    fails: [
      'charge: the gateway says that it charged another amount',
      'charge: the gateway says that it charged another currency',
    ],
    advice: /those of the request/,
  },
  {
    fault: 'two decimals for every currency',
    replace: AMOUNTS,
    by: AMOUNTS.replace('amount,', 'amount: amount / 100,'),
    only: 'charge: JPY',
    fails: ['charge: JPY, 0 decimals'],
    advice: /./,
  },
  {
    fault: 'a decline for status 429',
    replace: 'return throttled(response)',
    by: "return { type: 'DECLINED', code: 'busy', kind: 'soft' }",
    only: 'charge: status 429',
    fails: ['charge: status 429', 'charge: status 429, Retry-After: 7'],
    advice: /fault throttled/,
  },
  {
    fault: 'Retry-After ignored',
    replace: 'seconds > 0 ? seconds * 1_000 : undefined',
    by: 'undefined',
    only: 'charge: status 429',
    fails: ['charge: status 429, Retry-After: 7'],
    advice: /retryAfterMs/,
  },
  {
    fault: 'a soft decline as a hard one',
    replace: "SOFT_DECLINES.has(code) ? 'soft' : 'hard'",
    by: "'hard'",
    only: 'charge: a decline',
    fails: ['charge: a decline that is not final'],
    advice: /soft may succeed/,
  },
  {
    fault: 'an inquiry that fails as NOT_FOUND',
    replace: "return { type: 'FAILED_TO_ASK', reason: reasonOf(error) }",
    by: "return { type: 'NOT_FOUND' }",
    only: 'lookup: connection closed',
    fails: ['lookup: connection closed without an answer'],
    advice: /FAILED_TO_ASK/,
  },
  {
    fault: 'an abandoned charge as a decline, whatever is true',
    replace: 'return this.lookup(request, options)',
    by: "return { type: 'FOUND', outcome: { type: 'DECLINED', code: 'canceled', kind: 'hard' } }",
    only: 'abandon: a ',
    fails: ['abandon: a charge that succeeded'],
    advice: /only the gateway knows/,
  },
  {
    fault: 'a refund without its key',
    replace: MOVE,
    by: MOVE.replace('gatewayKey', 'String(performance.now())'),
    only: 'refund: connection reset after the request, which was processed',
    fails: ['refund: connection reset after the request, which was processed'],
    advice: ONE_KEY,
  },
  {
    fault: 'one key for all refunds of a charge',
    replace: MOVE,
    by: MOVE.replace('gatewayKey', 'chargeRef + kind'),
    only: 'refund: more',
    fails: ['refund: more than is left'],
    advice: /DECLINED or REJECTED/,
  },
  {
    fault: 'a secret in a reason',
    replace: 'unknown(`status ${response.status}`)',
    by: 'unknown(`status ${response.status} for ${authorization}`)',
    only: 'charge: status 503',
    fails: ['charge: status 503 without a body'],
    advice: /Keep credentials out/,
  },
  {
    fault: 'a secret in the log',
    replace: 'if (response.status === 429)',
    by: "if (!response.ok) console.error('failed', authorization)\n      if (response.status === 429)",
    only: 'process: ',
    fails: ['process: output of a charge and of a failure'],
    advice: /Keep credentials out/,
  },
  {
    fault: 'a connection at import, and a timer without an end',
    replace: 'const MAX_AGE_S = 300',
    by: "const MAX_AGE_S = 300\nawait fetch('http://127.0.0.1:4').catch(() => {})\nif (process.send) setInterval(() => {}, 60_000)",
    only: 'process: ',
    fails: ['process: import of the module', 'process: close, twice'],
    advice: /Connect when a charge needs it/,
  },
  {
    fault: 'a webhook whose signature is not compared',
    replace: "!timingSafeEqual(expected, Buffer.from(digest, 'hex'))",
    by: 'expected.length === 0',
    only: 'webhook: ',
    fails: [
      'webhook: a byte changed on the way',
      'webhook: no event at all',
      'webhook: signed with another secret',
    ],
    advice: /Verify the signature/,
  },
  {
    fault: 'a webhook of any age',
    replace: 'Math.abs(Date.now() / 1_000 - Number(time)) > MAX_AGE_S',
    by: 'Number(time) > Infinity',
    only: 'webhook: ',
    fails: ['webhook: a copy, a day later'],
    advice: /some minutes ago/,
  },
  {
    fault: 'a list of the first page alone',
    replace: 'return { records: charges.map(recordOf), next }',
    by: 'return { records: charges.map(recordOf) }',
    only: 'list: charges',
    fails: ['list: charges of the last minutes'],
    advice: /page by page/,
  },
  {
    fault: 'a list that is empty when it fails',
    replace: 'if (!Array.isArray(data)) throw',
    by: 'if (!Array.isArray(data)) return []\n    throw',
    only: 'list: status',
    fails: ['list: status 500 with JSON', 'list: status 200 with an empty object'],
    advice: /an empty list says/,
  },
]

test.each(FAULTY)('$fault', async ({ fault, replace, by, fails, only = fails[0] ?? '', advice }) => {
  expect(acmeSource.split(replace)).toHaveLength(2)
  const file = join(folder, `${fault.replaceAll(/\W+/g, '-')}.js`)
  writeFileSync(
    file,
    acmeSource.replace(replace, () => by),
  )
  // Only faults that hang wait for this long.
  const report = await checkAtAcme(pathToFileURL(file).href, { only, graceMs: 500 })
  expect(behavioursOf(report, 'failed')).toEqual(fails)
  expect(report.isConforming).toBe(false)
  expect(report.behaviours.find(({ verdict }) => verdict === 'failed')?.advice).toMatch(advice)
})
