import type { ChargeOutcome, Gateway, LookupAnswer } from '@titan/payments'
import { Counter, Histogram, type Registry } from 'prom-client'
import { WORK_BUCKETS } from './buckets.ts'
import { registerGauge } from './read-gauge.ts'
import { seconds } from './metric.ts'

type Call = 'charge' | 'lookup'
type Outcome = ChargeOutcome['type'] | LookupAnswer['type']

const OUTCOMES: Readonly<Record<Call, readonly Outcome[]>> = {
  charge: ['SUCCEEDED', 'DECLINED', 'REJECTED', 'NOT_SENT', 'UNKNOWN', 'PENDING'],
  lookup: ['FOUND', 'NOT_FOUND', 'FAILED_TO_ASK'],
}

/**
 * Measures calls to a gateway by their outcome, never by the gateway's own codes.
 *
 * @returns wraps a gateway, and the gateways that it admits
 */
export function createGatewayMeasure(registry: Registry): (gateway: Gateway) => Gateway {
  const registers = [registry]
  const calls = new Counter({
    name: 'titan_gateway_calls_total',
    help: 'Calls to the gateway, by outcome. A thrown error counts as unknown.',
    labelNames: ['gateway', 'call', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'titan_gateway_call_duration_seconds',
    help: 'Duration of calls to the gateway, whatever their outcome.',
    labelNames: ['gateway', 'call'],
    buckets: WORK_BUCKETS,
    registers,
  })

  const observed: Gateway[] = []
  registerGauge(registry, {
    name: 'titan_gateway_circuit_open',
    help: 'Whether the circuit breaker keeps payments, except for probes, from the gateway (1).',
    labelNames: ['gateway'],
    read(show) {
      for (const { name, circuit } of observed)
        if (circuit !== undefined) show(circuit === 'closed' ? 0 : 1, { gateway: name })
    },
  })

  async function measured<Answer extends { readonly type: Outcome }>(
    gateway: string,
    call: Call,
    run: () => Promise<Answer>,
  ): Promise<Answer> {
    const startedAt = performance.now()
    let outcome: Outcome = call === 'charge' ? 'UNKNOWN' : 'FAILED_TO_ASK'
    try {
      const answer = await run()
      outcome = answer.type
      return answer
    } finally {
      calls.inc({ gateway, call, outcome: outcome.toLowerCase() })
      durations.observe({ gateway, call }, seconds(performance.now() - startedAt))
    }
  }

  function measure(gateway: Gateway): Gateway {
    const { name, lookup, admit } = gateway
    return {
      ...gateway,
      charge: (request, options) => measured(name, 'charge', () => gateway.charge(request, options)),
      ...(lookup !== undefined && {
        lookup: (request, options) => measured(name, 'lookup', () => lookup(request, options)),
      }),
      ...(admit !== undefined && {
        async admit(options) {
          const admission = await admit(options)
          return { gateway: measure(admission.gateway), release: admission.release }
        },
      }),
    }
  }

  return (gateway) => {
    observed.push(gateway)
    for (const call of ['charge', 'lookup'] as const)
      for (const outcome of OUTCOMES[call])
        calls.inc({ gateway: gateway.name, call, outcome: outcome.toLowerCase() }, 0)
    return measure(gateway)
  }
}
