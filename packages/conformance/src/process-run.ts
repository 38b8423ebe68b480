import { fork } from 'node:child_process'
import { once } from 'node:events'
import { settlesWithin } from '@titan/queue-core/async'
import type { ChargeRequest } from './gateway.ts'
import { Mismatch } from './outcome.ts'
import type { Suite } from './trial.ts'
import { Trial } from './trial.ts'
import { FAULTS } from './wire/faults.ts'
import { differences, mainRequest, targetOf } from './wire/received.ts'

/** What an adapter did in a fresh process. */
export interface ProcessRun {
  readonly connectionsAtImport: number
  /** Parts in which its request differs from that of this process; undefined without a network. */
  readonly differences: readonly string[] | undefined
  /** All that it wrote. */
  readonly output: string
  /** Whether the process ended by itself after `close`. */
  readonly hasEnded: boolean
}

/** Time until a process has loaded an adapter and is ready to charge, in milliseconds. */
const START_MS = 5_000

const PROGRAM = new URL('./adapter-process.js', import.meta.url)

/**
 * Charges in this process, then the same in another one, and once more while the gateway fails, for what an adapter writes
 * then.
 */
export async function runProcess(suite: Suite): Promise<ProcessRun> {
  const trial = await Trial.open(suite)
  try {
    const request = trial.newCharge()
    if (suite.server === undefined)
      return { ...(await chargeInProcess(suite, '', [request])), differences: undefined }
    const { proxy } = trial
    await trial.charge(request)
    const own = mainRequest(proxy.received, request.gatewayKey)
    const before = proxy.received.length
    proxy.impose(
      FAULTS.error500,
      (received) =>
        own !== undefined && targetOf(received) === targetOf(own) && differences(own, received).length > 0,
    )
    const run = await chargeInProcess(suite, proxy.url, [request, trial.newCharge()])
    const [first] = proxy.received
      .slice(before)
      .filter((received) => own && targetOf(received) === targetOf(own))
    const changed =
      own === undefined || first === undefined ? ['whether it is sent'] : differences(own, first)
    return { ...run, differences: changed }
  } finally {
    await trial.close()
  }
}

interface Report {
  readonly connectionsAtImport: number
}

async function chargeInProcess(
  { module, check, timeoutMs, graceMs }: Suite,
  url: string,
  requests: readonly ChargeRequest[],
): Promise<Omit<ProcessRun, 'differences'>> {
  // Nothing of this environment: an adapter gets its variables as its argument.
  const env = { PATH: process.env['PATH'] }
  const child = fork(PROGRAM, { silent: true, execArgv: [], env })
  const written: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => void written.push(text))
  const exited = once(child, 'exit')
  const reported = once(child, 'message') as Promise<[Report]>
  child.send({ module, environment: check.environment(url), requests, timeoutMs })
  try {
    const withinMs = START_MS + requests.length * timeoutMs + graceMs
    if (!(await settlesWithin(Promise.race([reported, exited]), withinMs)))
      throw new Mismatch(`a separate process still charges, or closes, after ${withinMs} ms`)
    const isReported = await settlesWithin(reported, 0)
    if (!isReported) throw new Mismatch(`the process ended: ${written.join('').trim().slice(-500)}`)
    const [{ connectionsAtImport }] = await reported
    const hasEnded = await settlesWithin(exited, graceMs)
    return { connectionsAtImport, output: written.join(''), hasEnded }
  } finally {
    child.kill('SIGKILL')
  }
}
