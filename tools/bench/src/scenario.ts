import type { OpenDriver, Driver } from './drivers/driver.ts'

/** How much a run does: `smoke` only shows that it works, `quick` is a look, `full` is what the tables hold. */
export type Size = 'smoke' | 'quick' | 'full'

/** What a scenario may know about the run. */
export interface Context {
  readonly size: Size
  /** Root of another checkout to compare with, where the scenario can. */
  readonly previous?: string | undefined
  /** Picks the amount of work that fits the size. */
  pick(amounts: Readonly<Record<Size, number>>): number
  /** Takes what must be closed when the scenario is over, in reverse order. */
  defer(close: () => Promise<unknown>): void
}

/** One number per metric, measured in one round. */
export type Sample = Readonly<Record<string, number>>

/** One of the things that are compared. */
export interface Side {
  readonly name: string
  /** How it is set up, where that matters for fairness. */
  readonly setting?: string
  /** Does the work once, checks that it was really done, and returns the numbers. */
  run(): Promise<Sample>
}

/** A ratio that is shown, and what it should be. */
export interface Comparison {
  readonly metric: string
  readonly of: string
  /** Another side, or a constant such as a theoretical limit. */
  readonly to: string | { readonly name: string; readonly value: number }
  /** Absent: shown without a goal. */
  readonly goal?: { readonly atLeast: number } | { readonly atMost: number }
}

/** Something to measure. */
export interface Scenario {
  /** Its name on the command line. */
  readonly name: string
  readonly title: string
  /** What exactly is done, in one or two sentences, for readers of the table. */
  readonly about: string
  readonly metrics: readonly {
    readonly key: string
    readonly title: string
    readonly unit: 'jobs/s' | 'requests/s' | 'payments/s' | 'ms' | 'µs' | 'bytes' | 'MB'
  }[]
  readonly comparisons: readonly Comparison[]
  /** Counted rounds of a full run. @default 5 */
  readonly rounds?: number
  /** Starts servers and fills them; the sides run in turn, round by round. */
  prepare(context: Context): Promise<readonly Side[]>
}

/** Returns the side of a driver, which is opened on an empty store for each round. */
export function driverSide(driver: Driver, run: (opened: OpenDriver) => Promise<Sample>): Side {
  return {
    name: driver.name,
    setting: driver.setting,
    async run() {
      const opened = await driver.open()
      try {
        return await run(opened)
      } finally {
        await opened.close()
      }
    },
  }
}

/** Returns the amount for the size of the run. */
export function amount(context: Context, full: number): number {
  return context.pick({ full, quick: Math.ceil(full / 3), smoke: Math.min(full, 200) })
}
