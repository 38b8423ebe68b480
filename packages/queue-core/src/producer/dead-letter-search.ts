import type { DeadLetter, DeadLetters } from './dead-letters.ts'

/** Bounds of {@link searchDeadLetters}. */
export interface DeadLetterSearch {
  /** Begins after this `letterId`. @default the oldest */
  readonly after?: string | undefined
  /** Ends after so many matches. */
  readonly limit: number
  /** Ends after so many dead letters, matching or not. @default no limit */
  readonly scanLimit?: number | undefined
}

/** What a search found. */
export interface DeadLettersFound {
  readonly deadLetters: readonly DeadLetter[]
  /** Dead letters that were read. */
  readonly scanned: number
  /** Where the next search continues; undefined when all were read. */
  readonly next: string | undefined
}

const PAGE = 500

/** Yields the dead letters of a queue page by page, oldest first. */
export async function* deadLetterPages(
  queue: Pick<DeadLetters, 'deadLetters'>,
  after?: string,
): AsyncGenerator<readonly DeadLetter[]> {
  let last = after
  for (;;) {
    const page = await queue.deadLetters({ count: PAGE, after: last })
    if (page.length > 0) yield page
    if (page.length < PAGE) return
    last = page.at(-1)?.letterId
  }
}

/** Searches the dead letters of a queue, oldest first, within bounds. */
export async function searchDeadLetters(
  queue: Pick<DeadLetters, 'deadLetters'>,
  matches: (letter: DeadLetter) => boolean,
  { after, limit, scanLimit = Infinity }: DeadLetterSearch,
): Promise<DeadLettersFound> {
  const deadLetters: DeadLetter[] = []
  let scanned = 0
  for await (const page of deadLetterPages(queue, after)) {
    for (const letter of page) {
      scanned++
      if (matches(letter)) deadLetters.push(letter)
      if (deadLetters.length >= limit || scanned >= scanLimit)
        return { deadLetters, scanned, next: letter.letterId }
    }
  }
  return { deadLetters, scanned, next: undefined }
}
