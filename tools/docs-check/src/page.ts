import { marked, type Tokens } from 'marked'

/** `terminal`: continues in a separate terminal. `docker`, `root`: what this machine may not have. */
const MODES = ['terminal', 'docker', 'root'] as const

/** A block of commands of a page. */
export type Commands = ReturnType<typeof commandsOf>[number]

/**
 * The blocks of commands of a page: fences of `sh`, with the mode after it, each with the lines of its output that the fence
 * of `text` or `json` after it shows.
 *
 * @throws Error for a word after `sh` that means nothing
 */
export function commandsOf(markdown: string) {
  const blocks = fences(marked.lexer(markdown))
  return blocks.flatMap((block, index) => {
    const [language, word] = block.lang?.split(' ') ?? []
    if (language !== 'sh') return []
    const mode = word === undefined ? ('run' as const) : MODES.find((known) => known === word)
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
const VOLATILE = /…|(?:pay|ref)_[0-9a-f]{32}|\d{13}-\d+|\d{4}-\d\d-\d\dT[\d:.]+Z/

/** The first line that a page shows and that output has not, or not behind those before it; undefined when all are there. */
export function findMissingLine(output: string, shown: readonly string[]) {
  const lines = output.split('\n')
  let at = 0
  for (const line of shown.filter((text) => text.trim() !== '')) {
    const found = lines.findIndex((candidate, index) => index >= at && patternOf(line).test(candidate))
    if (found < 0) return line
    at = found + 1
  }
  return undefined
}

function patternOf(line: string) {
  const parts = line.trim().split(new RegExp(VOLATILE, 'g')).map(escapeText)
  return new RegExp(`^\\s*${parts.join('.+?')}\\s*$`)
}

/** Columns are as wide as what is in them, so any number of spaces is as good as another. */
function escapeText(text: string) {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/ +/g, ' +')
}
