import { printable } from '@titan/service'
import type { Breaches, Finding } from './finding.ts'
import { styled } from '../output.ts'

const STYLES = { PASS: 'green', FAIL: 'red', SKIPPED: 'yellow' } as const

/** Width of the column of names. */
const NAME = 30

/** The findings as a table for people. */
export function formatReport(findings: readonly Finding[], breaks: Breaches): string {
  const lines = findings.flatMap(({ name, title, verdict, reason, breaches, advice }) => [
    `${name.padEnd(NAME)} ${styled(STYLES[verdict], verdict.padEnd(8))} ${title}`,
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

function indent(text: string): string {
  return `${' '.repeat(NAME + 10)}${printable(text)}`
}

function listOf(count: number, offenders: readonly string[]): string {
  return `${printable(offenders.join(', '))}${count > offenders.length ? ', …' : ''}`
}
