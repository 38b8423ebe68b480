import { eventually } from '@titan/testkit'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startLedger, type Ledger } from './support/ledger.ts'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram, spawnScript, type SpawnedProgram } from '@titan/testkit'

let rig: Rig
let ledger: Ledger
beforeAll(async () => {
  rig = await openRig()
  ledger = await startLedger()
})
afterEach(async () => {
  await killSpawned()
  ledger.release()
})
afterAll(async () => {
  await rig.close()
  await ledger.close()
})

/** Short enough that a take-over does not take long. */
const SHORT = { GATEWAY_TIMEOUT_MS: '3000', LEASE_MS: '5000', RECONCILE_INTERVAL_MS: '200' }
/** Long enough to be caught in the middle of a payment. */
const SLOW = { GATEWAY_DELAY_MS: '2500' }
const FAST = { GATEWAY_DELAY_MS: '5' }

async function startLedgerWorker(consumer: string): Promise<SpawnedProgram> {
  const script = new URL('support/ledger-worker.ts', import.meta.url)
  const worker = spawnScript(script, [], {
    ...rig.env,
    ...SHORT,
    LEDGER_URL: ledger.url,
    WORKER_CONSUMER: consumer,
  })
  await isReady(worker)
  return worker
}

async function startWorker(consumer: string, env: Record<string, string> = {}): Promise<SpawnedProgram> {
  const args = ['--consumer', consumer, '--visibility-timeout-ms', '1000']
  const worker = spawnProgram('worker', args, { ...rig.env, ...SHORT, ...env })
  await isReady(worker)
  return worker
}

describe('a worker that is killed with SIGKILL in the middle of a payment', { timeout: 120_000 }, () => {
  it('after the gateway charged leaves it to another, which ends it with that one charge', async () => {
    const doomed = await startLedgerWorker('doomed')
    ledger.hold()
    const id = await rig.create('charged')
    await eventually(() => ledger.charges.some(({ paymentId }) => paymentId === id), PATIENT)
    doomed.process.kill('SIGKILL')
    await doomed.exited
    ledger.release()
    expect((await rig.store.get(id))?.status).toBe('PROCESSING')

    await startLedgerWorker('heir')
    await rig.reaches(id, 'SUCCESS')

    const charges = ledger.charges.filter(({ paymentId }) => paymentId === id)
    expect(charges).toHaveLength(1)
    expect(ledger.requests.filter(({ paymentId }) => paymentId === id).length).toBeGreaterThan(1)
    expect(await rig.store.attempts(id)).toMatchObject([
      {
        attemptNo: 1,
        outcome: 'SUCCEEDED',
        gatewayKey: charges[0]?.key,
        gatewayRef: `ch_${charges[0]?.key}`,
      },
    ])
    const actors = (await rig.store.events(id)).map(({ actor }) => actor)
    expect(actors).toContain('doomed')
    expect(actors.at(-1)).toBe('heir')
  })

  // F42 workers killed at random moments under load, Redis wiped in the midst: nothing lost, nothing charged
  //  twice
  it('with many payments in flight leaves them all to the others, one charge each', async () => {
    const doomed = await startLedgerWorker('doomed-2')
    const heir = await startLedgerWorker('heir-2')
    const before = ledger.charges.length
    ledger.hold()
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, index) => rig.create(`many-${index}`, 100 + index)),
    )
    await eventually(() => ledger.charges.length >= before + 10, PATIENT)
    doomed.process.kill('SIGKILL')
    await doomed.exited
    ledger.release()

    for (const id of ids) await rig.reaches(id, 'SUCCESS')
    const charged = ledger.charges.slice(before)
    expect(charged.map(({ paymentId }) => paymentId).toSorted()).toEqual(ids.toSorted())
    expect(charged.reduce((sum, { amount }) => sum + amount, 0)).toBe(30 * 100 + (29 * 30) / 2)
    expect(heir.process.exitCode).toBeNull()
  })

  it('under a slow simulated gateway leaves it to another titan-worker', async () => {
    const doomed = await startWorker('doomed-3', SLOW)
    const id = await rig.create('slow')
    await rig.reaches(id, 'PROCESSING')
    doomed.process.kill('SIGKILL')
    expect(await doomed.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect((await rig.store.get(id))?.status).toBe('PROCESSING')

    await startWorker('heir-3', FAST)
    await rig.reaches(id, 'SUCCESS')

    expect(await rig.store.attempts(id)).toMatchObject([{ attemptNo: 1, outcome: 'SUCCEEDED', takeovers: 1 }])
  })
})

describe('a worker that is stopped with SIGTERM in the middle of a payment', { timeout: 120_000 }, () => {
  // F41 SIGTERM under load, twice, while the gateway hangs: jobs end or are released within the grace period
  it('ends the payment first', async () => {
    const worker = await startWorker('polite', SLOW)
    const id = await rig.create('polite')
    await rig.reaches(id, 'PROCESSING')
    worker.process.kill('SIGTERM')

    expect(await worker.exited).toEqual({ code: 0, signal: null })
    expect((await rig.store.get(id))?.status).toBe('SUCCESS')
  })

  // F41
  it('gives the payment to another worker when the grace is over', async () => {
    const hasty = spawnProgram('worker', ['--consumer', 'hasty', '--grace-ms', '0'], {
      ...rig.env,
      ...SHORT,
      ...SLOW,
    })
    await isReady(hasty)
    const id = await rig.create('hasty')
    await rig.reaches(id, 'PROCESSING')
    hasty.process.kill('SIGTERM')
    expect((await hasty.exited).code).toBe(0)

    await startWorker('patient', FAST)
    await rig.reaches(id, 'SUCCESS')
    expect(await rig.store.attempts(id)).toMatchObject([{ attemptNo: 1, outcome: 'SUCCEEDED' }])
  })

  // F41
  it('ends at once when it is told a second time', async () => {
    const worker = await startWorker('impatient', SLOW)
    const id = await rig.create('impatient')
    await rig.reaches(id, 'PROCESSING')
    worker.process.kill('SIGTERM')
    await eventually(() => worker.stderr().includes('program.interrupted'), PATIENT)
    worker.process.kill('SIGINT')

    expect(await worker.exited).toEqual({ code: 1, signal: null })
    await startWorker('finisher', FAST)
    await rig.reaches(id, 'SUCCESS')
  })
})
