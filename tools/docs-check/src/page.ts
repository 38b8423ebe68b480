import { marked, type Tokens } from 'marked'

/** What a block of commands needs beside a shell. */
export type Need = 'docker' | 'root'

/** A block of commands of a page, and what it prints. */
export interface Commands {
  readonly text: string
  /** `terminal`: goes on in a terminal of its own. `docker`, `root`: what this machine may not have. */
  readonly mode: 'run' | 'terminal' | Need
  /** The lines that the page shows of its output, in their order; undefined when it shows none. */
  readonly shown: readonly string[] | undefined
}

const MODES = ['terminal', 'docker', 'root'] as const

/**
 * The blocks of commands of a page: fences of `sh`, with what they are after it, each with the fence of `text` or `json` that
 * follows at once.
 *
 * @throws Error for a word after `sh` that means nothing
 */
export function commandsOf(markdown: string): Commands[] {
  const blocks = fences(marked.lexer(markdown))
  return blocks.flatMap((block, index) => {
    const [language, word] = block.lang?.split(' ') ?? []
    if (language !== 'sh') return []
    const mode = word === undefined ? 'run' : MODES.find((known) => known === word)
    if (mode === undefined) throw new Error(`unknown mode of a sh block: ${word}`)
    const next = blocks[index + 1]
    const shown = next?.lang === 'text' || next?.lang === 'json' ? next.text.split('\n') : undefined
    return [{ text: block.text, mode, shown }]
  })
}

/** Fences wherever they are, in lists too. */
function fences(tokens: readonly { readonly type: string }[]): Tokens.Code[] {
  return tokens.flatMap((token) => {
    if (token.type === 'code') return [token as Tokens.Code]
    const inner = token as { readonly tokens?: Tokens.Generic[]; readonly items?: Tokens.Generic[] }
    return fences([...(inner.items ?? []), ...(inner.tokens ?? [])])
  })
}

/** What differs from run to run: ids of payments and letters, and times. `…` stands for anything. */
const VOLATILE = /…|pay_[0-9a-f]{32}|\d{13}-\d+|\d{4}-\d\d-\d\dT[\d:.]+Z/

/** The first line that a page shows and that output has not, or not behind those before it; undefined when all are there. */
export function findMissingLine(output: string, shown: readonly string[]): string | undefined {
  const lines = output.split('\n')
  let at = 0
  for (const line of shown.filter((text) => text.trim() !== '')) {
    const found = lines.findIndex((candidate, index) => index >= at && patternOf(line).test(candidate))
    if (found < 0) return line
    at = found + 1
  }
  return undefined
}

function patternOf(line: string): RegExp {
  const parts = line.trim().split(new RegExp(VOLATILE, 'g')).map(escapeText)
  return new RegExp(`^\\s*${parts.join('.+?')}\\s*$`)
}

/** Columns are as wide as what is in them, so any number of spaces is as good as another. */
function escapeText(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/ +/g, ' +')
}
