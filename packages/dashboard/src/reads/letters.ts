import type { DeadLetter, FailureCause } from '@titan/queue-core'

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

/** The payment that a letter is about, if it says so. */
export function paymentOf(letter: { readonly data: unknown }): string | undefined {
  const { data } = letter
  if (typeof data !== 'object' || data === null || !('payment_id' in data)) return undefined
  // Anything may be in a job: only what looks like an id leads anywhere.
  return typeof data.payment_id === 'string' && /^pay_\w{1,64}$/.test(data.payment_id)
    ? data.payment_id
    : undefined
}
