import * as v from 'valibot'
import { PROBLEMS, type ProblemCode } from '../problem.ts'
import { count } from './parts.ts'

const upOrDown = v.picklist(['up', 'down'])

/** Every response with a 4xx or 5xx status (RFC 9457). */
const problem = v.object({
  type: v.pipe(v.string(), v.description('Where the problem is explained: /problems/{code}')),
  title: v.string(),
  status: v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599)),
  detail: v.optional(v.pipe(v.string(), v.description('What happened this time'))),
  instance: v.optional(v.pipe(v.string(), v.description('The path of the request'))),
  code: v.pipe(
    v.picklist(Object.keys(PROBLEMS) as ProblemCode[]),
    v.description('Stable, for programs; more may be added'),
  ),
  request_id: v.pipe(v.string(), v.description('The same as the header X-Request-Id')),
  errors: v.optional(
    v.pipe(
      v.array(
        v.union([
          v.object({ pointer: v.string(), detail: v.string() }),
          v.object({ parameter: v.string(), detail: v.string() }),
        ]),
      ),
      v.description('Each fault: a JSON pointer into the body or the name of a query parameter'),
    ),
  ),
})

/** The response bodies of gateways, probes and problems, by their names in the document. */
export const SERVICE_SCHEMAS = {
  GatewayWebhookReceived: v.object({ received: v.literal(true) }),
  Health: v.object({ status: v.literal('ok') }),
  Readiness: v.object({
    status: v.picklist(['ready', 'draining', 'unavailable']),
    checks: v.object({ postgres: upOrDown, redis: upOrDown }),
    requests: v.pipe(
      v.object({ in_flight: count, limit: count }),
      v.description('Requests in flight and their limit: not ready at the limit'),
    ),
  }),
  Problem: problem,
}
