import { pause } from '@titan/queue-core/async'
import { gatewayNameOf } from '../domain/accounts/place.ts'
import type { Admission, Gateway } from './gateway.ts'
import { mapGateways, withMembers, type Gateways } from './gateways.ts'

/** Gateways of which some may be stopped. */
export interface StoppableGateways extends Gateways {
  isStopped(name: string): boolean
  /** Sets which are stopped; the others are not. */
  setStopped(names: readonly string[]): void
}

/** Longest wait until a job at a stopped gateway looks again, in milliseconds; its owner returns it long before. */
const LOOK_EVERY_MS = 1_000

/**
 * Lets gateways be stopped while a program runs: a stopped one is like one whose circuit breaker is open. What is under
 * way there ends.
 */
export function stoppable(gateways: Gateways): StoppableGateways {
  let stopped: ReadonlySet<string> = new Set()
  const isStopped = (name: string): boolean => stopped.has(name)
  const mapped = mapGateways(gateways, (gateway) =>
    wrap(gateway, () => isStopped(gatewayNameOf(gateway.name))),
  )
  return {
    ...mapped,
    // They change, and a copy would not.
    get hasAccounts() {
      return mapped.hasAccounts
    },
    get places() {
      return mapped.places
    },
    isStopped,
    setStopped(names) {
      stopped = new Set(names)
    },
  }
}

function wrap(gateway: Gateway, isStopped: () => boolean): Gateway {
  const plain = withMembers(gateway, {})
  async function admitLater({ signal }: { readonly signal: AbortSignal }): Promise<Admission> {
    while (isStopped()) {
      signal.throwIfAborted()
      await pause(LOOK_EVERY_MS, signal)
    }
    signal.throwIfAborted()
    return plain.admit?.({ signal }) ?? { gateway, release() {} }
  }
  return withMembers(gateway, {
    get circuit() {
      return isStopped() ? 'open' : gateway.circuit
    },
    // A gateway without limits has no admission to wait for, unless it is stopped.
    get admit() {
      return isStopped() ? admitLater : plain.admit
    },
  })
}
