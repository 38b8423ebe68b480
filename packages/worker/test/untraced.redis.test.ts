import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startCollector } from './support/collector.ts'
import { isReady, openRig, type Rig } from './support/rig.ts'
import { killSpawned, spawnProgram } from '@titan/testkit'

let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterEach(killSpawned)
afterAll(() => rig.close())

/** Runs a program to its end, and answers which packages of OpenTelemetry it has loaded. */
async function loadedBy(name: 'api' | 'worker', env: Record<string, string> = {}): Promise<string[]> {
  const preload = new URL('support/tell-loaded.ts', import.meta.url)
  const program = spawnProgram(name, name === 'api' ? ['--port', '0'] : [], {
    ...rig.env,
    NODE_OPTIONS: `--import=${preload.href}`,
    ...env,
  })
  await isReady(program)
  program.process.kill('SIGTERM')
  expect((await program.exited).code).toBe(0)
  return /^loaded: (.*)$/m.exec(program.stderr())?.[1]?.split(' ') ?? []
}

describe.each(['api', 'worker'] as const)('titan-%s', { timeout: 120_000 }, (name) => {
  it('loads no SDK when no variable asks for traces', async () => {
    expect(await loadedBy(name)).toEqual(['api'])
  })

  it('loads one when there is a receiver of spans', async () => {
    const { url } = await startCollector()
    expect(await loadedBy(name, { OTEL_EXPORTER_OTLP_ENDPOINT: url })).toContain('sdk-trace')
  })
})
