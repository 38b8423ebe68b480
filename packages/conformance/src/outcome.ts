import type { ChargeOutcome, LookupAnswer } from './gateway.ts'

/** A behaviour whose outcome is not the expected one. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch'
  readonly code = 'MISMATCH'
  readonly advice: string | undefined

  constructor(seen: string, advice?: string) {
    super(seen)
    this.advice = advice
  }
}

/** A behaviour that cannot be checked, and why. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked'
  readonly code = 'NOT_CHECKED'
}

type Outcome = ChargeOutcome | LookupAnswer

/** The members of outcomes that say what happened, in the order of reading. */
const FACTS = ['fault', 'kind', 'code', 'amount', 'currency']

/** Describes an outcome in a line. */
export function describe(outcome: Outcome): string {
  if (outcome.type === 'FOUND') return `FOUND ${describe(outcome.outcome)}`
  const facts = outcome as unknown as Readonly<Record<string, string | number | undefined>>
  const said = FACTS.flatMap((name) => (facts[name] === undefined ? [] : `${facts[name]}`))
  const reason = 'reason' in outcome ? `: ${outcome.reason}` : ''
  return `${[outcome.type, ...said].join(' ')}${reason}`
}

/** Requires one of several types. @throws Mismatch */
export function requireType<Type extends Outcome['type']>(
  outcome: Outcome,
  ...types: readonly Type[]
): Extract<Outcome, { readonly type: Type }> {
  // A module in JavaScript may return anything.
  if (typeof (outcome as Outcome | undefined)?.type !== 'string')
    throw new Mismatch(`returned ${JSON.stringify(outcome)}`, 'Return an outcome of the type ChargeOutcome.')
  if (!types.some((type) => type === outcome.type)) throw new Mismatch(describe(outcome))
  return outcome as Extract<Outcome, { readonly type: Type }>
}
