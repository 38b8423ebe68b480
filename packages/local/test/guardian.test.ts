import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { identifyProcess } from '../src/process-identity.ts'
import { eventually } from '../src/testing.ts'
import { runChild } from './support/child.ts'

test.skipIf(process.platform === 'win32')(
  'servers and their temporary folders go away with a process that is killed',
  async () => {
    const child = await runChild('hold-servers.ts')
    const servers: { pid: number; dataDir: string }[] = JSON.parse(child.firstLine)
    for (const { dataDir } of servers) expect(existsSync(dataDir)).toBe(true)

    await child.kill()

    for (const { pid, dataDir } of servers) {
      await eventually(() => pid === undefined || identifyProcess(pid) === undefined)
      await eventually(() => !existsSync(dataDir))
    }
  },
)
