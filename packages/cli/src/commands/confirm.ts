import { createInterface } from 'node:readline/promises'

/**
 * Asks on the terminal for a confirmation.
 *
 * @returns undefined without a terminal
 */
export async function confirm(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const dialog = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await dialog.question(`${question} [y/N] `)).trim())
  } finally {
    dialog.close()
  }
}
