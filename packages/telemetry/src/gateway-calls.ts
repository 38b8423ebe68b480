import {
  mapGateways,
  withMembers,
  type ChargeOutcome,
  type Gateway,
  type Gateways,
  type LookupAnswer,
  type StoppableGateways,
} from '@titan/payments'
import type { Registry } from 'prom-client'
import { counter, each, histogram, seconds, WORK_BUCKETS } from './metric.ts'
import { registerGauge, registerMetric, type GaugeValue } from './registry.ts'

type Outcome = ChargeOutcome['type'] | LookupAnswer['type']

const MOVED: readonly Outcome[] = ['SUCCEEDED', 'DECLINED', 'REJECTED', 'NOT_SENT', 'UNKNOWN', 'PENDING']
const CHARGED: readonly Outcome[] = [...MOVED, 'AUTHORIZED', 'REQUIRES_ACTION']
const ASKED: readonly Outcome[] = ['FOUND', 'NOT_FOUND', 'FAILED_TO_ASK']
const OUTCOMES = { charge: CHARGED, lookup: ASKED, move: MOVED, abandon: ASKED }
type Call = keyof typeof OUTCOMES

const CALLS = counter<'call' | 'outcome'>(
  'titan_gateway_calls_total',
  'Calls to the gateway, by outcome. A thrown error counts as unknown.',
  Object.entries(OUTCOMES).flatMap(([call, outcomes]) =>
    outcomes.map((outcome) => ({ call, outcome: outcome.toLowerCase() })),
  ),
)
const DURATIONS = histogram(
  'titan_gateway_call_duration_seconds',
  'Duration of calls to the gateway, whatever their outcome.',
  WORK_BUCKETS,
  each('call', Object.keys(OUTCOMES)),
)

/**
 * Measures calls to a gateway by their outcome, never by the gateway's own codes.
 *
 * @returns wraps gateways, and those that they admit
 */
export function createGatewayMeasure(registry: Registry) {
  const calls = registerMetric(registry, CALLS, ['gateway'])
  const durations = registerMetric(registry, DURATIONS, ['gateway'])
  const observed: Gateways[] = []
  registerGauge(
    registry,
    'titan_gateway_circuit_open',
    'Whether the circuit breaker keeps payments, except for probes, from the gateway (1).',
    ['gateway'],
    () =>
      observed.flatMap((gateways) =>
        gateways.names.flatMap((gateway): GaugeValue[] => {
          const circuit = gateways.get(gateway)?.circuit
          return circuit === undefined ? [] : [[circuit === 'closed' ? 0 : 1, { gateway }]]
        }),
      ),
  )

  async function measured<Answer extends { readonly type: Outcome }>(
    gateway: string,
    call: Call,
    run: () => Promise<Answer>,
  ): Promise<Answer> {
    const startedAt = performance.now()
    let outcome: Outcome = OUTCOMES[call] === ASKED ? 'FAILED_TO_ASK' : 'UNKNOWN'
    try {
      const answer = await run()
      outcome = answer.type
      return answer
    } finally {
      calls.record({ gateway, call, outcome: outcome.toLowerCase() }, 1)
      durations.record({ gateway, call }, seconds(performance.now() - startedAt))
    }
  }

  function measure(given: Gateway): Gateway {
    const gateway = withMembers(given, {})
    const { name, lookup, move, abandon, admit } = gateway
    return withMembers(gateway, {
      charge: (request, options) => measured(name, 'charge', () => gateway.charge(request, options)),
      lookup: lookup && ((request, options) => measured(name, 'lookup', () => lookup(request, options))),
      move: move && ((request, options) => measured(name, 'move', () => move(request, options))),
      abandon: abandon && ((request, options) => measured(name, 'abandon', () => abandon(request, options))),
      admit:
        admit &&
        (async (options) => {
          const admission = await admit(options)
          return { gateway: measure(admission.gateway), release: admission.release }
        }),
    })
  }

  return (gateways: Gateways): Gateways => {
    observed.push(gateways)
    for (const gateway of gateways.names) calls.show({ gateway })
    return mapGateways(gateways, measure)
  }
}

/** Shows which gateways operators have stopped. */
export function createStopsGauge(registry: Registry) {
  let observed: StoppableGateways | undefined
  registerGauge(
    registry,
    'titan_gateway_stopped',
    'Whether an operator has stopped the gateway (1).',
    ['gateway'],
    () =>
      (observed?.names ?? []).map((gateway): GaugeValue => [
        observed?.isStopped(gateway) === true ? 1 : 0,
        { gateway },
      ]),
  )
  return (gateways: StoppableGateways): void => {
    observed = gateways
  }
}
