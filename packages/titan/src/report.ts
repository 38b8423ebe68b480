import { styleText } from 'node:util'
import type { Breaches, Finding } from './finding.ts'

/** How the verdicts are coloured on a terminal; `styleText` leaves it be where nobody sees it. */
const STYLES = { PASS: 'green', FAIL: 'red', SKIPPED: 'yellow' } as const

/** The findings as a table for people. */
export function formatReport(findings: readonly Finding[], breaks: Breaches): string {
  const lines = findings.flatMap(({ id, title, verdict, reason, count, offenders }) => [
    `${id.padEnd(4)} ${styleText(STYLES[verdict], verdict.padEnd(8), { stream: process.stdout })} ${title}`,
    ...(reason === '' ? [] : [indent(reason)]),
    ...(count === 0
      ? []
      : [indent(`${count} ${plural('breach', 'es', count)}: ${listOf(count, offenders)}`)]),
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
  return JSON.stringify({
    ok: findings.every(({ verdict }) => verdict !== 'FAIL'),
    findings,
    openBreaks: breaks,
  })
}

function indent(text: string): string {
  return `${' '.repeat(14)}${text}`
}

function plural(word: string, ending: string, count: number): string {
  return count === 1 ? word : `${word}${ending}`
}

function listOf(count: number, offenders: readonly string[]): string {
  return `${offenders.join(', ')}${count > offenders.length ? ', …' : ''}`
}
