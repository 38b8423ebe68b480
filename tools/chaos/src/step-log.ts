import { appendFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A step that a process passed with jobs. */
export interface Step {
  readonly step: string
  /** Jobs. */
  readonly ids: readonly string[]
  /** Epoch milliseconds; all processes of a run share a clock. */
  readonly at: number
  readonly pid: number
}

const RELEASED = 'queue.release.storing'
/** A payment that waits for the gateway in a worker that stops comes back this way, at once and uncounted. */
const RETRIED = 'queue.retry.storing'
const DEAD = 'queue.dead.storing'
const CLAIMED: readonly string[] = ['queue.read', 'queue.reclaimed']
const NOTED: ReadonlySet<string> = new Set([RELEASED, RETRIED, DEAD, ...CLAIMED])

/** Returns where a fleet in this folder logs the steps of its programs. */
export function stepLogIn(folder: string): string {
  return join(folder, 'steps.jsonl')
}

/** Appends a step to the log if it is one of those that matter here. */
export function noteStep(file: string, { step, ids }: Pick<Step, 'step' | 'ids'>): void {
  if (!NOTED.has(step)) return
  appendFileSync(file, `${JSON.stringify({ step, ids, at: Date.now(), pid: process.pid } satisfies Step)}\n`)
}

/** Reads all recorded steps in the order of the clock. */
export async function readSteps(file: string): Promise<Step[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Step).toSorted((one, other) => one.at - other.at)
}

/**
 * Pairs each job that a stopping worker released with the claim that followed; `afterMs` is undefined when no worker
 * claimed it. A read that was in flight when the worker stopped may return a job to it, which it releases again: the job
 * waits for another worker all that time. `stops` has when each process was asked to stop, in epoch milliseconds.
 */
export function pickupsOf(steps: readonly Step[], stops: ReadonlyMap<number, number>) {
  const pickups: { readonly id: string; readonly afterMs: number | undefined }[] = []
  const waiting = new Map<string, Step>()
  for (const step of steps)
    for (const id of step.ids) {
      const released = waiting.get(id)
      if (released === undefined) {
        const isReleased = step.step === RELEASED || step.step === RETRIED
        if (isReleased && step.at >= (stops.get(step.pid) ?? Infinity)) waiting.set(id, step)
      } else if (CLAIMED.includes(step.step) && step.pid !== released.pid) {
        waiting.delete(id)
        pickups.push({ id, afterMs: step.at - released.at })
      }
    }
  return [...pickups, ...[...waiting.keys()].map((id) => ({ id, afterMs: undefined }))]
}

/**
 * Finds jobs that became dead letters. A retry alone uses up no attempt: a job whose payment another worker holds comes
 * back uncounted, and what was counted is in the payment's row.
 */
export function deadLettersIn(steps: readonly Step[]): string[] {
  return steps.filter(({ step }) => step === DEAD).flatMap(({ ids }) => ids)
}
