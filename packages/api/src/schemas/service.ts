import * as v from 'valibot'
import { PROBLEMS, type ProblemCode } from '../problems.ts'
import { BATCH_RESULTS } from './batch.ts'
import { count, described } from './parts.ts'

const upOrDown = v.picklist(['up', 'down'])

/** Every response with a 4xx or 5xx status (RFC 9457). */
const problem = v.object({
  type: described(v.string(), 'Where the problem is explained: /problems/{code}'),
  title: v.string(),
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  detail: v.optional(described(v.string(), 'What happened this time')),
  instance: v.optional(described(v.string(), 'The path of the request')),
  code: described(
    v.picklist(Object.keys(PROBLEMS) as ProblemCode[]),
    'Stable, for programs; more may be added',
  ),
  request_id: described(v.string(), 'The same as the header X-Request-Id'),
  errors: v.optional(
    described(
      v.array(
        v.union([
          v.object({ pointer: v.string(), detail: v.string() }),
          v.object({ parameter: v.string(), detail: v.string() }),
        ]),
      ),
      'Each fault: a JSON pointer into the body or the name of a query parameter',
    ),
  ),
  available: v.optional(described(count, 'What can be refunded or captured, in minor units')),
  results: v.optional(described(BATCH_RESULTS, 'Of `batch-refused`: what became of each line')),
})

/** The response bodies of gateways, probes and problems, by their names in the document. */
export const SERVICE_SCHEMAS = {
  GatewayWebhookReceived: v.object({ received: v.literal(true) }),
  Health: v.object({ status: v.literal('ok') }),
  Readiness: v.object({
    status: v.picklist(['ready', 'draining', 'unavailable']),
    checks: v.object({ postgres: upOrDown, redis: upOrDown }),
    requests: described(
      v.object({ in_flight: count, limit: count }),
      'Requests in flight and their limit: not ready at the limit',
    ),
  }),
  Problem: problem,
}
