import { open, readFile, type FileHandle } from 'node:fs/promises'
import type { LedgerEntry } from './ledger-entry.ts'

/** An append-only file of JSON lines. */
export interface LedgerFile {
  /** Resolves when the entry is on disk, whatever happens to this process or the machine afterwards. */
  append(entry: LedgerEntry): Promise<void>
  /** Waits for what was appended. Idempotent. */
  close(): Promise<void>
}

interface Waiting {
  readonly line: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Opens the ledger, creates it if need be, and cuts off a line that a crash left half written. */
export async function openLedgerFile(
  path: string,
): Promise<{ readonly file: LedgerFile; readonly entries: LedgerEntry[] }> {
  const handle = await open(path, 'a+', 0o600)
  const { entries, soundBytes } = parse(await readFile(path))
  await handle.truncate(soundBytes)
  return { file: createAppender(handle), entries }
}

/** Reads every whole line of a ledger; one that is being written just now is left out. */
export async function readLedgerEntries(path: string): Promise<LedgerEntry[]> {
  return parse(await readFile(path)).entries
}

/** One write and one fsync for all that came while the last ones were under way. */
function createAppender(handle: FileHandle): LedgerFile {
  let waiting: Waiting[] = []
  let writing: Promise<void> | undefined
  let isClosed = false

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      try {
        await handle.appendFile(batch.map(({ line }) => line).join(''))
        await handle.datasync()
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    writing = undefined
  }

  return {
    append(entry) {
      if (isClosed) return Promise.reject(new Error('the ledger is closed'))
      return new Promise((resolve, reject) => {
        waiting.push({ line: `${JSON.stringify(entry)}\n`, resolve, reject })
        writing ??= drain()
      })
    },
    async close() {
      if (isClosed) return
      isClosed = true
      await writing
      await handle.close()
    },
  }
}

function parse(bytes: Buffer): { readonly entries: LedgerEntry[]; readonly soundBytes: number } {
  const soundBytes = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.subarray(0, soundBytes).toString('utf8').split('\n')
  const entries = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LedgerEntry)
  return { entries, soundBytes }
}
