import { styleText } from 'node:util'
import { printable } from '@titan/service'
import type { Breaches, Finding } from './finding.ts'
import { formatJson as toJson } from '../output.ts'

/** How the verdicts are coloured on a terminal; `styleText` writes no colour elsewhere. */
const STYLES = { PASS: 'green', FAIL: 'red', SKIPPED: 'yellow' } as const

/** Width of the column of names. */
const NAME = 30

/** The findings as a table for people. */
export function formatReport(findings: readonly Finding[], breaks: Breaches): string {
  const lines = findings.flatMap(({ name, title, verdict, reason, breaches, advice }) => [
    `${name.padEnd(NAME)} ${styleText(STYLES[verdict], verdict.padEnd(8), { stream: process.stdout })} ${title}`,
    ...(reason === '' ? [] : [indent(reason)]),
    ...breaches.map(({ what, count, offenders }) =>
      indent(`${count} × ${what}: ${listOf(count, offenders)}`),
    ),
    ...(advice === '' ? [] : [indent(`→ ${advice}`)]),
  ])
  const failed = findings.filter(({ verdict }) => verdict === 'FAIL').length
  const skipped = findings.filter(({ verdict }) => verdict === 'SKIPPED').length
  return [
    ...lines,
    '',
    ...(breaks.count === 0
      ? []
      : [`${breaks.count} open in reconciliation_breaks: ${listOf(breaks.count, breaks.offenders)}`]),
    `${findings.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`,
  ].join('\n')
}

/** The findings for programs. */
export function formatJson(findings: readonly Finding[], breaks: Breaches): string {
  return toJson({ ok: findings.every(({ verdict }) => verdict !== 'FAIL'), findings, openBreaks: breaks })
}

function indent(text: string): string {
  return `${' '.repeat(NAME + 10)}${printable(text)}`
}

function listOf(count: number, offenders: readonly string[]): string {
  return `${printable(offenders.join(', '))}${count > offenders.length ? ', …' : ''}`
}
