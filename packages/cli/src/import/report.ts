import { open, type FileHandle } from 'node:fs/promises'
import { codeOf, textOf } from '@titan/queue-core/text-of'
import { formatCsvLine } from '@titan/payments'
import { Failure } from '@titan/service'

/** What became of a line: `valid` only under --dry-run. */
export interface Outcome {
  readonly line: number
  readonly key: string | undefined
  readonly result: 'created' | 'replayed' | 'refused' | 'valid'
  readonly paymentId?: string | undefined
  readonly reason?: string | undefined
}

const HEAD = formatCsvLine(['line', 'idempotency_key', 'result', 'payment_id', 'reason'])

/** A file with a line for each line of an import. */
export class Report {
  readonly #file: FileHandle | undefined

  private constructor(file: FileHandle | undefined) {
    this.#file = file
  }

  /** Opens a report; undefined is none. An earlier report is replaced, and no other file. @throws Failure */
  static async open(path: string | undefined): Promise<Report> {
    if (path === undefined) return new Report(undefined)
    try {
      if (!(await isReplaceable(path)))
        throw new Failure(`${path} exists and is no report: name another file with --report`)
      const file = await open(path, 'w', 0o600)
      await file.write(HEAD)
      return new Report(file)
    } catch (error) {
      if (error instanceof Failure) throw error
      throw new Failure(`cannot write ${path}: ${textOf(error)}`, { cause: error })
    }
  }

  async add(outcomes: readonly Outcome[]): Promise<void> {
    const lines = outcomes.map(({ line, key, result, paymentId, reason }) =>
      formatCsvLine([line, key, result, paymentId, reason]),
    )
    await this.#file?.write(lines.join(''))
  }

  async close(): Promise<void> {
    await this.#file?.close()
  }
}

async function isReplaceable(path: string): Promise<boolean> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD.length), 0, HEAD.length, 0)
    return buffer.toString('latin1', 0, bytesRead) === HEAD || bytesRead === 0
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true
    throw error
  } finally {
    await file?.close()
  }
}
