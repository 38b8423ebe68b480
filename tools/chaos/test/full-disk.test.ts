import { mkdtempSync, rmSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { canMount, runFullDisk } from './support/full-disk.ts'

const [disk, outside] = ['disk', 'outside'].map((name) => {
  const folder = mkdtempSync(join(tmpdir(), `titan-full-${name}-`))
  // PostgreSQL runs as another user.
  chmodSync(folder, 0o755)
  return folder
}) as [string, string]
afterAll(() => [disk, outside].forEach((folder) => rmSync(folder, { recursive: true, force: true })))

test.skipIf(!canMount(disk))(
  // F22 a full disk, under PostgreSQL and Redis: 503, and service when there is space again; where PostgreSQL
  //  gave up, when it is started again
  'payments survive a disk that is full, and one on which PostgreSQL gives up',
  { timeout: 420_000 },
  async () => {
    const { tried, answered, repeated, answeredAgain, isQuiet, statuses, breaches } = await runFullDisk(
      disk,
      outside,
    )
    expect(breaches).toEqual([])
    expect({ answered, isQuiet, statuses }).toEqual({
      answered: tried,
      isQuiet: true,
      statuses: { SUCCESS: tried },
    })
    expect(repeated).toBeGreaterThan(0)
    expect(answeredAgain).toBeGreaterThan(0)
  },
)
