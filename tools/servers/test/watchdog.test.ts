import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { identifyProcess } from '../src/process-identity.ts'
import { eventually } from '@titan/testkit'
import { runChild } from './support/child.ts'

test.skipIf(process.platform === 'win32')(
  'servers and their temporary folders go away with a process that is killed',
  { timeout: 120_000 },
  async () => {
    const child = await runChild(new URL('support/hold-servers.ts', import.meta.url))
    const all: { pid?: number; dataDir: string }[] = JSON.parse(child.firstLine)
    // A Redis in a container is watched over by the container engine's own reaper.
    const servers = all.flatMap(({ pid, dataDir }) => (pid === undefined ? [] : [{ pid, dataDir }]))
    for (const { dataDir } of servers) expect(existsSync(dataDir)).toBe(true)

    await child.kill()

    for (const { pid, dataDir } of servers) {
      await eventually(() => identifyProcess(pid) === undefined, { timeoutMs: 60_000 })
      await eventually(() => !existsSync(dataDir), { timeoutMs: 60_000 })
    }
  },
)
