import { eventually, killSpawned, spawnProgram, startTcpProxy } from '@titan/testkit'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterEach(killSpawned)
afterAll(() => rig.close())

// F123 the PostgreSQL of one worker falls silent for good; work on a payment hangs whatever the reason:
//  others take its payments; work that hangs is given up, the worker is not healthy until it has ended, and
//  nothing is charged late
it('a worker whose PostgreSQL falls silent, for good, holds up no payment that others can take', async () => {
  const url = rig.env['DATABASE_URL'] ?? ''
  const proxy = await startTcpProxy(url)
  const start = async (name: string, env: Readonly<Record<string, string>>) => {
    const args = ['--consumer', name, '--concurrency', '4', '--no-webhooks']
    const program = spawnProgram('worker', args, { ...rig.env, GATEWAY_DELAY_MS: '20', ...env })
    await isReady(program)
    return program
  }
  const cutOff = await start('cut-off', { DATABASE_URL: proxy.through(url) })
  await rig.reaches(await rig.create('before'), 'SUCCESS')
  await start('sound', {})

  await proxy.set({ type: 'silence' })
  const ids = await Promise.all(Array.from({ length: 60 }, (_, index) => rig.create(`during-${index}`)))
  expect(ids).toHaveLength(60)
  // A job that the cut-off worker claims comes back after its deadline, possibly more than once: this waits for the last one.
  await eventually(
    async () => {
      const payments = await Promise.all(ids.map((id) => rig.store.get(id)))
      expect(payments.filter((payment) => payment?.status !== 'SUCCESS')).toEqual([])
    },
    { timeoutMs: 150_000 },
  )
  cutOff.process.kill('SIGTERM')
  expect(await cutOff.exited).toEqual({ code: 0, signal: null })
  expect(cutOff.stderr()).toContain('program stopped')
  await proxy.close()
}, 180_000)

// F300 one worker is cut off from PostgreSQL while another is not: it claims nothing until it is back
it('a worker that is cut off from PostgreSQL leaves all payments to the other, and resumes by itself', async () => {
  const url = rig.env['DATABASE_URL'] ?? ''
  const proxy = await startTcpProxy(url)
  const start = async (name: string, env: Readonly<Record<string, string>>) => {
    const program = spawnProgram('worker', ['--consumer', name, '--no-webhooks'], {
      ...rig.env,
      GATEWAY_DELAY_MS: '5',
      LOG_FORMAT: 'json',
      ...env,
    })
    await isReady(program)
    return program
  }
  const cutOff = await start('cut-off-2', { DATABASE_URL: proxy.through(url) })
  const sound = await start('sound-2', {})
  await proxy.set({ type: 'blackhole' })
  await eventually(() => expect(cutOff.stderr()).toContain('"claiming.paused"'), PATIENT)
  const ids = await Promise.all(Array.from({ length: 60 }, (_, index) => rig.create(`left-${index}`)))
  for (const id of ids) await rig.reaches(id, 'SUCCESS')
  const actors = await Promise.all(ids.map(async (id) => (await rig.store.events(id)).at(-1)?.actor))
  expect(new Set(actors)).toEqual(new Set(['sound-2']))
  await proxy.set()
  await eventually(() => expect(cutOff.stderr()).toContain('"claiming.resumed"'), PATIENT)
  await sound.kill()
  await rig.reaches(await rig.create('after'), 'SUCCESS')
  await proxy.close()
}, 180_000)
