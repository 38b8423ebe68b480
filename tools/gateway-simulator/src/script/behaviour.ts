/** How an answer leaves the server. */
export type Delivery = 'send' | 'reset' | 'hang' | 'garbage' | 'html' | 'huge' | 'trickle' | 'error_200'

/** How something ends later: with the money, a decline or failure, the customer's answer, or a refund that comes back. */
export type FinalOutcome =
  | { readonly type: 'charge' }
  | { readonly type: 'decline'; readonly code: string }
  | { readonly type: 'authenticate'; readonly success: boolean }
  | { readonly type: 'reverse'; readonly code: string }

/** What carrying out a request does. An `invalid` 400 and a `fault` 500 are stored under the key like any answer. */
type Execution =
  | { readonly type: 'charge'; readonly amountBy: number; readonly currency: string | null }
  | { readonly type: 'decline'; readonly code: string }
  /** The customer has to act. */
  | { readonly type: 'action' }
  | { readonly type: 'invalid'; readonly param: string }
  | { readonly type: 'fault'; readonly charges: boolean }

/** What happens to one request. */
export interface Behaviour {
  /** A proxy, a limiter or the authentication answers with this status, or nothing does. Nothing is stored under the key. */
  readonly front?: 400 | 401 | 403 | 404 | 409 | 429 | 503 | 'nothing'
  /** Time it takes, in milliseconds. */
  readonly takesMs: number
  readonly execution: Execution
  readonly delivery: Delivery
  /** How it ends later; null when it ends now. */
  readonly later: FinalOutcome | null
  /** Milliseconds until then; null for the simulator's own default. */
  readonly laterMs: number | null
}

const OK: Behaviour = {
  takesMs: 0,
  execution: { type: 'charge', amountBy: 0, currency: null },
  delivery: 'send',
  later: null,
  laterMs: null,
}

const CHARGE: FinalOutcome = { type: 'charge' }

/** Every behaviour by its name; the text after a colon is its argument. */
const BEHAVIOURS: Readonly<Record<string, (argument: string | undefined) => Behaviour>> = {
  ok: () => OK,
  decline: (code) => ({ ...OK, execution: declined(code) }),
  '500_before': () => ({ ...OK, execution: { type: 'fault', charges: false } }),
  '500_after': () => ({ ...OK, execution: { type: 'fault', charges: true } }),
  invalid: (param = 'amount') => ({ ...OK, execution: { type: 'invalid', param } }),
  slow: (ms) => ({ ...OK, takesMs: milliseconds(ms) }),
  wrong_amount: () => ({ ...OK, execution: { type: 'charge', amountBy: 1, currency: null } }),
  wrong_currency: () => ({ ...OK, execution: { type: 'charge', amountBy: 0, currency: 'xts' } }),
  pending_then: (then) => ({ ...OK, later: finalOutcome(then) }),
  late_success: (code) => {
    const execution = code === undefined ? ({ type: 'fault', charges: false } as const) : declined(code)
    return { ...OK, execution, later: CHARGE }
  },
  late_failure: (code = 'unknown') => ({ ...OK, later: { type: 'reverse', code } }),
  action: () => ({ ...OK, execution: { type: 'action' } }),
  action_then: (then) => ({ ...OK, execution: { type: 'action' }, later: authentication(then) }),
  hang_before: () => ({ ...OK, front: 'nothing', delivery: 'hang' }),
  reset_before: () => ({ ...OK, front: 'nothing', delivery: 'reset' }),
  hang_after: () => ({ ...OK, delivery: 'hang' }),
  reset_after: () => ({ ...OK, delivery: 'reset' }),
  garbage: () => ({ ...OK, delivery: 'garbage' }),
  html: () => ({ ...OK, delivery: 'html' }),
  huge: () => ({ ...OK, delivery: 'huge' }),
  trickle: () => ({ ...OK, delivery: 'trickle' }),
  error_200: () => ({ ...OK, delivery: 'error_200' }),
  '400': () => ({ ...OK, front: 400 }),
  '401': () => ({ ...OK, front: 401 }),
  '403': () => ({ ...OK, front: 403 }),
  '404': () => ({ ...OK, front: 404 }),
  '409': () => ({ ...OK, front: 409 }),
  '429': () => ({ ...OK, front: 429 }),
  '503': () => ({ ...OK, front: 503 }),
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
  if (behaviour.later === null) throw new RangeError(`'${name}' has no later outcome`)
  return { ...behaviour, laterMs: Number(laterMs) }
}

function declined(code = 'generic_decline') {
  const codes: Readonly<Record<string, string>> = { soft: 'insufficient_funds', hard: 'stolen_card' }
  return { type: 'decline', code: codes[code] ?? code } as const
}

function finalOutcome(text = 'ok'): FinalOutcome {
  if (text === 'ok') return CHARGE
  const [found, code] = /^decline(?::(.+))?$/.exec(text) ?? []
  if (found === undefined) throw new RangeError(`pending_then ends with ok or decline:<code>, not '${text}'`)
  return declined(code)
}

function authentication(text = 'ok'): FinalOutcome {
  if (text !== 'ok' && text !== 'fail')
    throw new RangeError(`action_then ends with ok or fail, not '${text}'`)
  return { type: 'authenticate', success: text === 'ok' }
}

function milliseconds(text = '') {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new RangeError(`slow needs milliseconds, such as slow:200, got '${text}'`)
}
