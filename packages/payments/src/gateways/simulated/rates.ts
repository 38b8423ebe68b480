import { PaymentsError } from '../../domain/errors.ts'

/** What the simulated gateway can do with one request. */
export type SimulatedBehaviour =
  | 'succeed'
  /** Refuses the connection; nothing happens. */
  | 'transient'
  | 'soft_decline'
  | 'hard_decline'
  /** Acts, and the answer is lost. */
  | 'unknown_after_charge'
  /** Does nothing, and the answer is lost. */
  | 'unknown_before_charge'
  /** Acts, and answers that it decides later; an inquiry finds what it did. */
  | 'pending'
  /** Answers that it decides later; a test then makes it decide. */
  | 'undecided'
  /** Moves another amount than requested. */
  | 'wrong_amount'
  /** Acts and never answers. */
  | 'hang'

/** Rates are shares of the requests under a new key, 0 to 1. */
export interface SimulatedRates {
  /** Charges that succeed. @default what the other rates leave */
  readonly successRate?: number | undefined
  /** Requests that do not get through. @default 0 */
  readonly transientRate?: number | undefined
  /** Charges that are declined, half of them for good. @default what the other rates leave, when successRate is given */
  readonly declineRate?: number | undefined
  /** Requests whose answer is lost, half of them after it acted. @default 0 */
  readonly unknownRate?: number | undefined
}

export type Rates = readonly (readonly [behaviour: SimulatedBehaviour, rate: number])[]

/** @throws {PaymentsError} `INVALID_OPTIONS` for rates that are no shares */
export function resolveRates(options: SimulatedRates): Rates {
  const { successRate, transientRate = 0, unknownRate = 0 } = options
  const rest = 1 - transientRate - unknownRate
  const declineRate = options.declineRate ?? (successRate === undefined ? 0 : rest - successRate)
  const success = successRate ?? rest - declineRate
  const given = { successRate: success, transientRate, declineRate, unknownRate }
  // A sum that is off by a rounding error is fine.
  for (const [rate, value] of Object.entries(given))
    if (!(value >= -1e-9 && value <= 1 + 1e-9))
      throw invalid(`${rate} must be between 0 and 1 and all rates together 1, got ${value}`)
  const sum = success + transientRate + declineRate + unknownRate
  if (Math.abs(sum - 1) > 1e-9) throw invalid(`all rates together must be 1, got ${sum}`)
  return [
    ['transient', transientRate],
    ['unknown_after_charge', unknownRate / 2],
    ['unknown_before_charge', unknownRate / 2],
    ['soft_decline', declineRate / 2],
    ['hard_decline', declineRate / 2],
  ]
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_OPTIONS', message)
}

/** Returns the behaviour at a point in [0, 1). */
export function pick(rates: Rates, point: number): SimulatedBehaviour {
  let sum = 0
  for (const [behaviour, rate] of rates) if (point < (sum += rate)) return behaviour
  return 'succeed'
}
