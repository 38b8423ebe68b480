import type { FinalOutcome } from './ledger-entry.ts'

/** How an answer leaves the server. */
export type Delivery = 'send' | 'reset' | 'hang' | 'garbage' | 'html' | 'huge' | 'trickle' | 'error_200'

/** What carrying out a request does. */
export type Execution =
  | { readonly type: 'charge'; readonly amountBy: number; readonly currency: string | null }
  | { readonly type: 'decline'; readonly code: string }
  /** An answer of 400 about a parameter, stored under the key like any other. */
  | { readonly type: 'invalid'; readonly param: string }
  /** An answer of 500, stored under the key like any other. */
  | { readonly type: 'fault'; readonly charges: boolean }

/** The answers from before the endpoint: nothing is stored under the key. */
export type FrontStatus = 400 | 401 | 403 | 404 | 409 | 429 | 503

/** What happens to one request. */
export type Behaviour =
  /** Nobody looks at the request: a proxy, a limiter or the authentication answers, or nothing does. */
  | { readonly at: 'front'; readonly does: 'reset' | 'hang' | FrontStatus }
  | {
      readonly at: 'endpoint'
      /** Time it takes, in milliseconds. */
      readonly takesMs: number
      readonly execution: Execution
      readonly delivery: Delivery
      /** How the intent ends later; null when it ends now. */
      readonly later: FinalOutcome | null
      /** Milliseconds until then; null for the simulator's own default. */
      readonly laterMs: number | null
    }

type Endpoint = Extract<Behaviour, { at: 'endpoint' }>

const OK: Endpoint = {
  at: 'endpoint',
  takesMs: 0,
  execution: { type: 'charge', amountBy: 0, currency: null },
  delivery: 'send',
  later: null,
  laterMs: null,
}

/** Short names of typical decline codes. */
const DECLINE_CODES: Readonly<Record<string, string>> = { soft: 'insufficient_funds', hard: 'stolen_card' }

const CHARGE: FinalOutcome = { type: 'charge' }

/** Every behaviour by its name; the text after a colon is its argument. */
const BEHAVIOURS: Readonly<Record<string, (argument: string | undefined) => Behaviour>> = {
  ok: () => OK,
  decline: (code) => ({ ...OK, execution: declined(code) }),
  '500_before': () => ({ ...OK, execution: { type: 'fault', charges: false } }),
  '500_after': () => ({ ...OK, execution: { type: 'fault', charges: true } }),
  hang_before: () => ({ at: 'front', does: 'hang' }),
  hang_after: () => ({ ...OK, delivery: 'hang' }),
  reset_before: () => ({ at: 'front', does: 'reset' }),
  reset_after: () => ({ ...OK, delivery: 'reset' }),
  invalid: (param = 'amount') => ({ ...OK, execution: { type: 'invalid', param } }),
  '400': () => ({ at: 'front', does: 400 }),
  '404': () => ({ at: 'front', does: 404 }),
  '409': () => ({ at: 'front', does: 409 }),
  '429': () => ({ at: 'front', does: 429 }),
  '401': () => ({ at: 'front', does: 401 }),
  '403': () => ({ at: 'front', does: 403 }),
  '503': () => ({ at: 'front', does: 503 }),
  slow: (ms) => ({ ...OK, takesMs: milliseconds(ms) }),
  garbage: () => ({ ...OK, delivery: 'garbage' }),
  html: () => ({ ...OK, delivery: 'html' }),
  huge: () => ({ ...OK, delivery: 'huge' }),
  trickle: () => ({ ...OK, delivery: 'trickle' }),
  error_200: () => ({ ...OK, delivery: 'error_200' }),
  wrong_amount: () => ({ ...OK, execution: { type: 'charge', amountBy: 1, currency: null } }),
  wrong_currency: () => ({ ...OK, execution: { type: 'charge', amountBy: 0, currency: 'xts' } }),
  pending_then: (then) => ({ ...OK, later: finalOutcome(then) }),
  late_success: (code) => ({
    ...OK,
    execution: code === undefined ? { type: 'fault', charges: false } : declined(code),
    later: CHARGE,
  }),
}

/**
 * Reads a behaviour: `name`, `name:argument`, and `@ms` at the end for outcomes that come later, such as
 * `decline:insufficient_funds`, `slow:200` or `pending_then:ok@500`.
 *
 * @throws {RangeError} for a name or an argument that does not exist
 */
export function parseBehaviour(text: string): Behaviour {
  const [, name = '', argument, laterMs] = /^([^:@]*)(?::([^@]*))?(?:@(\d{1,9}))?$/.exec(text) ?? []
  const create = Object.hasOwn(BEHAVIOURS, name) ? BEHAVIOURS[name] : undefined
  if (create === undefined)
    throw new RangeError(
      `unknown behaviour '${text}'; choose from ${Object.keys(BEHAVIOURS).toSorted().join(', ')}`,
    )
  const behaviour = create(argument)
  if (laterMs === undefined) return behaviour
  if (behaviour.at === 'front' || behaviour.later === null)
    throw new RangeError(`'${name}' has no later outcome`)
  return { ...behaviour, laterMs: Number(laterMs) }
}

function declined(code = 'generic_decline'): Extract<Execution, { type: 'decline' }> {
  return { type: 'decline', code: DECLINE_CODES[code] ?? code }
}

function finalOutcome(text = 'ok'): FinalOutcome {
  if (text === 'ok') return CHARGE
  const [, code] = /^decline(?::(.+))?$/.exec(text) ?? []
  if (!text.startsWith('decline'))
    throw new RangeError(`pending_then ends with ok or decline:<code>, not '${text}'`)
  return declined(code)
}

function milliseconds(text = ''): number {
  if (!/^\d{1,9}$/.test(text))
    throw new RangeError(`slow needs milliseconds, such as slow:200, got '${text}'`)
  return Number(text)
}
