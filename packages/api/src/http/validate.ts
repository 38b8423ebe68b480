import * as v from 'valibot'
import { containsCardNumber } from '@titan/payments'
import { MAX_FAULTS, Problem, type FieldError } from '../problem.ts'
import { escapePointer } from './strict-json.ts'

/** Checks a body. @throws Problem `validation-failed`, or `idempotency-key-invalid` when only the key is at fault */
export function validateBody<Output>(schema: v.GenericSchema<unknown, Output>, input: unknown): Output {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  const issues = result.issues.slice(0, MAX_FAULTS)
  const errors = issues.map((issue) => ({ pointer: pointerOf(issue), detail: detailOf(issue) }))
  const isKeyOnly = errors.every(({ pointer }) => pointer === '/idempotency_key')
  throw new Problem(isKeyOnly ? 'idempotency-key-invalid' : 'validation-failed', { errors })
}

/** Checks the parameters of a query, none given twice. @throws Problem `card-data-not-allowed` or `validation-failed` */
export function validateQuery<Output>(
  schema: v.GenericSchema<unknown, Output>,
  query: URLSearchParams,
): Output {
  if ([...query].flat().some((text) => containsCardNumber(text))) throw new Problem('card-data-not-allowed')
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const name of query.keys()) (seen.has(name) ? twice : seen).add(name)
  const result = v.safeParse(schema, Object.fromEntries(query))
  if (result.success && twice.size === 0) return result.output
  const errors: FieldError[] = [...twice].map((parameter) => ({ parameter, detail: 'is given twice' }))
  for (const issue of result.issues ?? []) errors.push({ parameter: nameOf(issue), detail: detailOf(issue) })
  throw new Problem('validation-failed', { errors })
}

function pointerOf(issue: v.BaseIssue<unknown>): string {
  return (issue.path ?? []).map((item) => `/${escapePointer(String(item.key))}`).join('')
}

function nameOf(issue: v.BaseIssue<unknown>): string {
  const key: unknown = issue.path?.[0]?.key
  return typeof key === 'string' ? key : ''
}

/** Our own words: valibot's standard ones for a missing or unknown member would quote the input. */
function detailOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'strict_object' || issue.path === undefined) return issue.message
  return issue.expected === 'never' ? 'is not a known member' : 'is required'
}
