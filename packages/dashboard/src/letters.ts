import type { DeadLetter, FailureCause } from '@titan/queue-core'
import type { ObservedQueue } from './queues.ts'

/** Which dead letters; '' is any. */
export interface LetterFilter {
  readonly cause: FailureCause | ''
  /** A part of the error, of the job's id or of its data. */
  readonly text: string
}

/** Whether a letter is among those. */
export function isAmong({ cause, text }: LetterFilter, letter: DeadLetter): boolean {
  if (cause !== '' && letter.cause !== cause) return false
  if (text === '') return true
  const content = `${letter.id} ${letter.name} ${letter.error} ${JSON.stringify(letter.data) ?? ''}`
  return content.toLowerCase().includes(text.toLowerCase())
}

/** What a search through the dead letters found. */
export interface LettersFound {
  readonly letters: readonly DeadLetter[]
  /** Letters that were looked at. */
  readonly scanned: number
  /** Where to go on; undefined: all were looked at. */
  readonly next: string | undefined
}

const PAGE = 200

/** Looks through the letters, oldest first, until `limit` match or `scanLimit` were looked at. */
export async function searchLetters(
  queue: Pick<ObservedQueue['queue'], 'deadLetters'>,
  filter: LetterFilter,
  {
    after,
    limit,
    scanLimit,
  }: { readonly after?: string | undefined; readonly limit: number; readonly scanLimit: number },
): Promise<LettersFound> {
  const letters: DeadLetter[] = []
  let scanned = 0
  let last = after
  while (scanned < scanLimit) {
    const page = await queue.deadLetters({ count: PAGE, ...(last === undefined ? {} : { after: last }) })
    for (const letter of page) {
      scanned += 1
      last = letter.letterId
      if (isAmong(filter, letter)) letters.push(letter)
      if (letters.length === limit) return { letters, scanned, next: last }
    }
    if (page.length < PAGE) return { letters, scanned, next: undefined }
  }
  return { letters, scanned, next: last }
}

/** The payment that a letter is about, if it says so. */
export function paymentOf(letter: { readonly data: unknown }): string | undefined {
  const { data } = letter
  if (typeof data !== 'object' || data === null || !('payment_id' in data)) return undefined
  // Anything may be in a job: only what looks like an id leads anywhere.
  return typeof data.payment_id === 'string' && /^pay_\w{1,64}$/.test(data.payment_id)
    ? data.payment_id
    : undefined
}
