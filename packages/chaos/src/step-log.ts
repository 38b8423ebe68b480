import { appendFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** A step that a process passed with jobs. */
export interface Step {
  readonly step: string
  /** Jobs. */
  readonly ids: readonly string[]
  /** Epoch milliseconds; all processes of a run share a clock. */
  readonly at: number
  readonly pid: number
}

/** A job that a stopping worker gave back, and who took it next. */
export interface Pickup {
  readonly id: string
  /** From the moment the worker began to give it back, in milliseconds; undefined when nobody took it. */
  readonly afterMs: number | undefined
  /** Whether it was taken by another process. */
  readonly isByOther: boolean
}

const RELEASED = 'queue.release.storing'
const TAKEN: readonly string[] = ['queue.read', 'queue.reclaimed']
/** What uses up an attempt of a job, or ends it without success. */
const BURNED: readonly string[] = ['queue.retry.storing', 'queue.dead.storing']
const NOTED: ReadonlySet<string> = new Set([RELEASED, ...TAKEN, ...BURNED])

/** Appends a step to the log if it is one of those that matter here. */
export function noteStep(file: string, { step, ids }: Pick<Step, 'step' | 'ids'>): void {
  if (!NOTED.has(step)) return
  appendFileSync(file, `${JSON.stringify({ step, ids, at: Date.now(), pid: process.pid } satisfies Step)}\n`)
}

/** Everything that was noted, in the order of the clock. */
export async function readSteps(file: string): Promise<Step[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Step).toSorted((one, other) => one.at - other.at)
}

/** Each release with the claim that followed it. */
export function pickupsOf(steps: readonly Step[]): Pickup[] {
  const pickups: Pickup[] = []
  const waiting = new Map<string, Step>()
  for (const step of steps)
    for (const id of step.ids) {
      if (step.step === RELEASED) waiting.set(id, step)
      const released = waiting.get(id)
      if (released === undefined || !TAKEN.includes(step.step)) continue
      waiting.delete(id)
      pickups.push({ id, afterMs: step.at - released.at, isByOther: step.pid !== released.pid })
    }
  return [...pickups, ...[...waiting.keys()].map((id) => ({ id, afterMs: undefined, isByOther: false }))]
}

/** Jobs that used up an attempt or were buried. */
export function burnedIn(steps: readonly Step[]): string[] {
  return steps.filter(({ step }) => BURNED.includes(step)).flatMap(({ ids }) => ids)
}
