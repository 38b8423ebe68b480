import { containsCardNumber, type BatchAnswer, type Payment } from '@titan/payments'
import type { Context } from 'hono'
import { accountFactsOf, accountOf } from '../../http/account.ts'
import { actorOf } from '../../http/actor.ts'
import { readJsonBody } from '../../http/body.ts'
import type { AppEnv } from '../../http/env.ts'
import { respondJson } from '../../http/response.ts'
import { validateBody } from '../../http/validate.ts'
import { json } from '../../openapi/operation.ts'
import { describeProblem, Problem, type FieldError } from '../../problem.ts'
import { batchFrame, batchRequest } from '../../schemas/batch.ts'
import { presentAccepted } from '../../schemas/payments.ts'
import { isDue, judge, type PayServices } from '../pay.ts'
import type { Route } from '../route.ts'
import { readLine, type Line } from './line.ts'

/** Most faults of one line that a response lists. */
const MAX_LINE_FAULTS = 5

/** `POST /payments/batch`. */
export const BATCH_ROUTE: Route<PayServices> = {
  method: 'post',
  path: '/payments/batch',
  tag: 'Payments',
  id: 'createPayments',
  summary: 'Create up to 500 payments',
  description:
    'Up to 500 lines and 256 kB. `results` has the payment or the problem of each line, in their order, and is the same when the batch is sent again. A key that comes twice is a replay if both lines say the same; otherwise the later line is `idempotency-key-reused`. In a refused batch, lines without a fault have the problem `batch-refused`. Each line counts for the rate limit.',
  body: {
    name: 'BatchRequest',
    schema: batchRequest,
    example: {
      mode: 'each',
      payments: [
        { amount: 500, idempotency_key: 'order-4711' },
        { amount: 1250, currency: 'EUR', idempotency_key: 'order-4712' },
      ],
    },
  },
  responses: [
    json(202, 'BatchResult', 'Every line is stored and will be processed', 'Idempotent-Replayed'),
    json(207, 'BatchResult', 'Mode `each`: some lines are refused', 'Idempotent-Replayed'),
  ],
  problems: ['batch-refused', 'request-in-flight'],
  async handle(context, services) {
    const { mode, lines } = await readBatch(context)
    context.get('countAs')?.(lines.length)
    const answers = await storeBatch(context, services, { mode, lines })
    const results = answers.map((answer, index) => presentResult(answer, index))
    const isWhole = answers.every(({ payment }) => payment !== undefined)
    if (mode === 'all' && !isWhole) throw new Problem('batch-refused', { results })
    const kinds = answers.map(({ kind }) => kind)
    const isReplay = kinds.includes('replayed') && !kinds.includes('created')
    const headers = { 'cache-control': 'no-store', ...(isReplay && { 'idempotent-replayed': 'true' }) }
    return respondJson(context, { results }, { status: isWhole ? 202 : 207, headers })
  },
}

/** Reads the lines of a batch, each on its own. @throws Problem for what is about no single line */
async function readBatch(context: Context<AppEnv>) {
  // Without a bound, which the body has: a line whose fault were not listed would be stored.
  const { value, errors } = await readJsonBody(context, Infinity)
  const faults = new Map<number, FieldError[]>()
  for (const error of errors) {
    const { index, pointer } = placeOf(error)
    if (index === undefined) throw new Problem('validation-failed', { errors: [error] })
    const ofLine = faults.get(index) ?? []
    if (ofLine.length < MAX_LINE_FAULTS) ofLine.push({ pointer, detail: error.detail })
    faults.set(index, ofLine)
  }
  const { payments: _payments, ...frame } = Object(value) as Record<string, unknown>
  if (containsCardNumber(JSON.stringify(frame))) throw new Problem('card-data-not-allowed')
  const { mode, payments } = validateBody(batchFrame, value)
  return { mode, lines: payments.map((payment, index) => readLine(payment, faults.get(index))) }
}

/** Returns the index of the line that an error is about, and the pointer within the line. */
function placeOf(error: FieldError) {
  const whole = 'pointer' in error ? error.pointer : ''
  const [, index, pointer = ''] = /^\/payments\/(\d+)(\/.*|)$/s.exec(whole) ?? []
  return { index: index === undefined ? undefined : Number(index), pointer }
}

/** What became of a line: its payment, or the problem. */
type Answer =
  | { readonly kind: 'created' | 'replayed'; readonly payment: Payment; readonly problem?: undefined }
  | { readonly kind: 'refused'; readonly payment?: undefined; readonly problem: Problem }

interface Asked {
  readonly mode: 'all' | 'each'
  readonly lines: readonly Line[]
}

/** Stores the lines that can be, relays the new payments, and answers for every line. */
async function storeBatch(
  context: Context<AppEnv>,
  { payments, relay, acceptance }: PayServices,
  { mode, lines }: Asked,
): Promise<Answer[]> {
  const [account, actor, facts] = [accountOf(context), actorOf(context), accountFactsOf(context)]
  const judged = lines.map(({ request, problem }) =>
    request === undefined ? { refusal: problem } : judge({ ...request, account, actor }, acceptance, facts),
  )
  const readable = judged.flatMap((line) =>
    'payment' in line ? [{ payment: line.payment, isRefused: line.refusal !== undefined }] : [],
  )
  const isWhole = readable.length === judged.length
  const stored = await payments.createBatch({
    lines: readable,
    mode: mode === 'all' && !isWhole ? 'none' : mode,
  })
  nudge(relay, stored)
  let at = 0
  return judged.map((line) => {
    const answer: BatchAnswer = 'payment' in line ? (stored[at++] as BatchAnswer) : { kind: 'refused' }
    if (answer.kind === 'created' || answer.kind === 'replayed') return answer
    return { kind: 'refused', problem: problemOf(answer.kind, line.refusal) }
  })
}

function problemOf(kind: Exclude<BatchAnswer['kind'], 'created' | 'replayed'>, problem: Problem | undefined) {
  if (kind === 'withheld') return new Problem('batch-refused')
  if (kind === 'mismatch') return new Problem('idempotency-key-reused')
  // Its time ran out between two looks at the clock.
  return problem ?? new Problem('schedule-invalid')
}

/** Relays the new payments that are due, with those of the same priority. */
function nudge(relay: PayServices['relay'], answers: readonly BatchAnswer[]): void {
  const due = answers.flatMap((answer) =>
    answer.kind === 'created' && isDue(answer.payment) ? [answer.payment] : [],
  )
  for (const [priority, payments] of Map.groupBy(due, (payment) => payment.priority))
    relay.nudge(
      payments.map(({ id }) => id),
      priority,
    )
}

/** Presents the result of a line; pointers lead from the whole body to what is wrong with it. */
function presentResult({ payment, problem }: Answer, index: number) {
  if (payment !== undefined) return { index, payment: presentAccepted(payment) }
  const { errors, ...about } = describeProblem(problem)
  const located = errors
    ?.slice(0, MAX_LINE_FAULTS)
    .map((error) =>
      'pointer' in error ? { ...error, pointer: `/payments/${index}${String(error.pointer)}` } : error,
    )
  return { index, problem: { ...about, errors: located } }
}
