/** What every job carries. */
export interface Payload {
  readonly payment: string
  /** When it was enqueued, by `performance.now()`. */
  readonly at?: number
  /** When it is due, epoch milliseconds; absent when at once. Only some drivers know delays. */
  readonly dueAt?: number
}

/** The usual payload, 50 bytes of JSON. */
export const PAYLOAD: Payload = { payment: 'pay_01a20d770e8b7c218847b6a6fbcd2f33' }

/** Throwing `fail` sends the job into a retry, `giveUp` to the dead letters, in the words of the driver. */
export interface Failures {
  /** Number of the attempt, from 1. */
  readonly attempt: number
  fail(): never
  giveUp(): never
}

/** For systems that only run jobs that succeed. */
export const unsupported: Failures = { attempt: 1, fail: refuse, giveUp: refuse }

function refuse(): never {
  throw new Error('not measured for this system')
}

/** A handler as the scenarios write it. */
export type Handle = (payload: Payload, failures: Failures) => Promise<void> | void

/** One queue system, opened on an empty store. */
export interface OpenDriver {
  add(payload: Payload): Promise<unknown>
  addMany(count: number, options?: { readonly delayMs?: number | undefined }): Promise<unknown>
  /** Waits until the worker is ready to take jobs. `completed` counts the jobs whose success is stored. */
  work(options: {
    readonly concurrency: number
    readonly handle: Handle
  }): Promise<{ completed(): number; stop(): Promise<void> }>
  counts(): Promise<{ readonly waiting: number; readonly dead: number }>
  close(): Promise<void>
}

/** A queue system that can be opened on an empty store, again and again. */
export interface Driver {
  readonly name: string
  /** The options that differ from its defaults, and what follows from them. */
  readonly setting: string
  open(): Promise<OpenDriver>
}
