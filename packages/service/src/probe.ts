import type { Database } from '@titan/payments'
import { Failure } from './program.ts'

/** How long a server may take to answer a probe, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000

/** Whether a server answers a probe, and within two seconds; for readiness checks. Never rejects. */
export async function answersInTime(probe: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_TIMEOUT_MS)
  })
  const answer = probe().then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([answer, expiry])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Creates a probe that rejects where no payment can be written: PostgreSQL does not answer, is a standby, or is set to
 * read-only. Those that ask at the same time share one statement, so that probes of a silent server do not pile up.
 */
export function createWriteProbe(sql: Database): () => Promise<void> {
  let asking: Promise<void> | undefined
  async function ask(): Promise<void> {
    const [row] = await sql<
      { readOnly: string }[]
    >`select current_setting('transaction_read_only') as "readOnly"`
    if (row?.readOnly !== 'off')
      throw new Failure('PostgreSQL takes no writes: it is a standby, or set to read-only')
  }
  return () =>
    (asking ??= ask().finally(() => {
      asking = undefined
    }))
}
