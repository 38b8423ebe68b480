import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRig, PATIENT, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram } from '@titan/testkit'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

it(
  // F74 standard output closed, or a pipe without a reader: continues or ends cleanly
  'a worker whose standard output and error are closed charges payments and ends in order',
  { timeout: 120_000 },
  async () => {
    const program = spawnProgram('worker', ['--log-level', 'debug', '--gateway-delay-ms', '0'], rig.env)
    // Before it has written anything: what it says has nowhere to go.
    program.process.stdout?.destroy()
    program.process.stderr?.destroy()

    await rig.reaches(await rig.create('closed-1'), 'SUCCESS')
    await rig.reaches(await rig.create('closed-2'), 'SUCCESS')
    program.process.kill('SIGTERM')
    expect(await program.exited).toEqual({ code: 0, signal: null })
  },
)

// F74
it('a worker whose log nobody reads goes on when the pipe is full', { timeout: 120_000 }, async () => {
  const program = spawnProgram('worker', ['--log-level', 'debug', '--gateway-delay-ms', '0'], rig.env)
  await eventually(() => program.stdout() !== '', PATIENT)
  program.process.stderr?.pause()
  // Each writes some hundred bytes; a pipe holds 64 kB.
  const ids = await Promise.all(Array.from({ length: 400 }, (_, index) => rig.create(`unread-${index}`)))
  for (const id of ids) await rig.reaches(id, 'SUCCESS')
  program.process.stderr?.resume()
  program.process.kill('SIGTERM')
  expect(await program.exited).toEqual({ code: 0, signal: null })
  expect(program.stderr().length).toBeGreaterThan(131_072)
  await killSpawned()
})
