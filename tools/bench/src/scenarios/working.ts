import { setTimeout as pause } from 'node:timers/promises'
import type { Driver, Handle, OpenDriver } from '../drivers/driver.ts'
import { driverSide, type Side } from '../scenario.ts'
import { expectCount, perSecond, reach } from '../work.ts'

/** How one scenario works jobs off. */
export interface WorkingOff {
  readonly count: number
  /** @default 100 */
  readonly concurrency?: number
  /** @default does nothing */
  readonly handle?: Handle
  /** Delay of every job; work begins when all are due. @default none */
  readonly delayMs?: number
  /** How the jobs end. @default 'done' */
  readonly end?: 'done' | 'dead'
  /** Runs of a handler per job. @default 1 */
  readonly attempts?: number
}

const FILL = 500

/** Fills a queue. */
export async function fill({ addMany }: Pick<OpenDriver, 'addMany'>, count: number, delayMs?: number) {
  await perSecond(Math.floor(count / FILL), 4, () => addMany(FILL, { delayMs }))
  if (count % FILL > 0) await addMany(count % FILL, { delayMs })
}

/**
 * One driver working off jobs that wait: from the start of its worker until the last end is stored. Checked against the
 * runs of the handler and what is in the queue afterwards.
 */
export function workingSide(driver: Driver, work: WorkingOff): Side {
  const { count, concurrency = 100, handle = () => {}, delayMs, end = 'done', attempts = 1 } = work
  return driverSide(driver, async (opened) => {
    await fill(opened, count, delayMs)
    expectCount(`${driver.name}: jobs waiting`, (await opened.counts()).waiting, count)
    if (delayMs !== undefined) await pause(delayMs)
    let runs = 0
    const begun = performance.now()
    const working = await opened.work({
      concurrency,
      handle(payload, failures) {
        runs++
        return handle(payload, failures)
      },
    })
    await reach(count, end === 'done' ? working.completed : () => runs)
    await reach(count, async () => {
      const { waiting, dead } = await opened.counts()
      return end === 'done' ? count - waiting : dead
    })
    const rate = count / ((performance.now() - begun) / 1_000)
    await working.stop()
    expectCount(`${driver.name}: runs of the handler`, runs, count * attempts)
    const { waiting, dead } = await opened.counts()
    expectCount(`${driver.name}: jobs left`, waiting, 0)
    expectCount(`${driver.name}: dead letters`, dead, end === 'dead' ? count : 0)
    return { rate }
  })
}
