import type { Trial } from './trial.ts'

/** One behaviour of a gateway or of the network in front of it, and what an adapter must make of it. */
export interface Row {
  readonly behaviour: string
  readonly expected: string
  /** What to do when the outcome is another one. */
  readonly advice: string
  /** Checks it. Resolves with what was seen. @throws Mismatch; NotChecked */
  readonly run: (trial: Trial) => Promise<string>
}
