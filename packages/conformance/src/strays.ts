import { textOf } from '@titan/queue-core/text-of'

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const

/** Errors that nothing waits for: they would end the program in which an adapter runs. */
export class Strays {
  readonly #texts: string[] = []
  readonly #note = (error: unknown): void => void this.#texts.push(textOf(error, 200))

  /** Begins to collect them. */
  constructor() {
    for (const event of EVENTS) process.on(event, this.#note)
  }

  /** Ends. Resolves with those that came, each once. */
  async end(): Promise<readonly string[]> {
    // A rejection is unhandled only after the tasks of now.
    await new Promise(setImmediate)
    for (const event of EVENTS) process.off(event, this.#note)
    return [...new Set(this.#texts)]
  }
}
