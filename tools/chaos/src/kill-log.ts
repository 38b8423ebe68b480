import { existsSync, readFileSync } from 'node:fs'

/** A process that was ended at a step, and the payments or jobs that were passing it. */
export interface Kill {
  readonly step: string
  readonly ids: readonly string[]
}

/** Everything that was ended so far, in order. */
export function readKills(file: string): Kill[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Kill)
}

/** The payment of a job id: a job that replaces a lost one has a number behind the payment's id. */
export function paymentOf(jobId: string): string {
  return jobId.replace(/\.\d+$/, '')
}
