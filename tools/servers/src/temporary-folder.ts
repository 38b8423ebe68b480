import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()

/** Creates a folder that is removed when this process exits, unless `removeTemporaryFolder` did it before. */
export function createTemporaryFolder(name: string): string {
  if (folders.size === 0) process.once('exit', removeAll)
  const folder = mkdtempSync(join(tmpdir(), `titan-${name}-`))
  folders.add(folder)
  return folder
}

/** Removes such a folder. Idempotent. */
export function removeTemporaryFolder(folder: string): void {
  folders.delete(folder)
  if (folders.size === 0) process.off('exit', removeAll)
  rmSync(folder, { recursive: true, force: true })
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
