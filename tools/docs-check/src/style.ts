import { createScanner, LanguageVariant, ScriptTarget, SyntaxKind } from 'typescript'

/** Turns of phrase that a native engineer would not write, each with what to write instead. */
const AVOIDED: readonly (readonly [phrase: string, instead: string])[] = [
  ['anew', 'again'],
  ['ask(?:s|ed)? nobody', 'unauthenticated'],
  ['(?:give|gives|gave|given|giving) (?:\\w+ )?back', 'release, return'],
  ['(?:go|goes|going|went) on', 'continue'],
  ['(?:go|goes|went) silent', 'unresponsive'],
  ['(?:is|are|was|were|be|been) told', 'is notified, receives'],
  ['beside', 'next to, in addition to, compared with'],
  ['for ever', 'without a limit'],
  ['moment that', 'time at which'],
  ['nobody(?!")', 'no one; name the actor'],
  ['of (?:its|their|our|your) own', 'own, separate'],
  ['somebody', 'name the actor'],
  ['(?:take|takes|took|taken|taking) over', 'reclaim, be promoted'],
  ['whoever', 'name the actor'],
]

const PATTERN = new RegExp(`\\b(?:${AVOIDED.map(([phrase]) => phrase).join('|')})(?!\\w)`, 'gi')

/** Returns the avoided phrases of a text, each with the words around it. */
export function findAvoided(text: string) {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return [...line.matchAll(PATTERN)].map((match) =>
    line.slice(Math.max(0, match.index - 30), match.index + match[0].length + 30),
  )
}

/** Returns the sentences of a TypeScript source: its strings and template texts, except names, which have no space. */
export function stringsOf(source: string) {
  const scanner = createScanner(ScriptTarget.Latest, true, LanguageVariant.Standard, source)
  const strings: string[] = []
  const braces: number[] = []
  for (let token = scanner.scan(); token !== SyntaxKind.EndOfFileToken; token = scanner.scan()) {
    if (token === SyntaxKind.OpenBraceToken) braces.push(0)
    if (token === SyntaxKind.TemplateHead) braces.push(1)
    if (token === SyntaxKind.CloseBraceToken && braces.pop() === 1) {
      token = scanner.reScanTemplateToken(false)
      if (token === SyntaxKind.TemplateMiddle) braces.push(1)
    }
    if (TEXTS.has(token) && scanner.getTokenValue().includes(' ')) strings.push(scanner.getTokenValue())
  }
  return strings
}

const TEXTS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateHead,
  SyntaxKind.TemplateMiddle,
  SyntaxKind.TemplateTail,
])

/** Returns a Markdown page without its code blocks. */
export function proseOf(page: string) {
  return page.replaceAll(/^( *)```[^]*?^\1```$/gm, '')
}
