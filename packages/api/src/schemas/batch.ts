import { MAX_BATCH } from '@titan/payments'
import * as v from 'valibot'
import { PROBLEMS, type ProblemCode } from '../problems.ts'
import { bodyOf, count, described, oneOf } from './parts.ts'
import { payRequest } from './pay-request.ts'
import { acceptedPayment } from './payments.ts'

const mode = described(
  oneOf(['all', 'each'] as const),
  'all stores every line or none, in one transaction; each stores every line that can be',
)

function linesOf<Line extends v.GenericSchema>(line: Line) {
  const text = `must be a list of 1 to ${MAX_BATCH} payments`
  return v.pipe(v.array(line, text), v.minLength(1, text), v.maxLength(MAX_BATCH, text))
}

/** The body of a batch, as the document shows it. */
export const batchRequest = bodyOf({
  mode,
  payments: described(linesOf(payRequest), 'As in `POST /pay`, each with its own `idempotency_key`'),
})

/** The body of a batch, whose lines are read one by one. */
export const batchFrame = bodyOf({ mode, payments: linesOf(v.unknown()) })

const lineProblem = v.object({
  type: v.string(),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.optional(v.string()),
  code: v.picklist(Object.keys(PROBLEMS) as ProblemCode[]),
  errors: v.optional(v.array(v.object({ pointer: v.string(), detail: v.string() }))),
})

/** What became of each line of a batch. */
export const BATCH_RESULTS = v.array(
  v.object({
    index: described(count, 'Position in `payments`, from 0'),
    payment: v.optional(described(acceptedPayment, 'The stored payment, as `POST /pay` returns it')),
    problem: v.optional(described(lineProblem, 'Why the line is not stored, as `POST /pay` says it')),
  }),
)

/** The response bodies of batches, by their names in the document. */
export const BATCH_SCHEMAS = { BatchResult: v.object({ results: BATCH_RESULTS }) }
