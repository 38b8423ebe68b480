import { PaymentsError } from '../domain/errors.ts'
import type { Admission, Gateway } from './gateway.ts'

/** The gateways of a program, in the order of `GATEWAYS`, each behind its own limits. */
export interface Gateways {
  readonly names: readonly string[]
  /** Whether an account may have its own gateway, so that its payments are read before each claim. @default false */
  readonly hasAccounts?: boolean | undefined
  /** The accounts' own gateways, as attempts are stored with them. @default none */
  readonly places?: readonly string[] | undefined
  /**
   * Returns the gateway of that name at which new attempts of an account begin, or the one with exactly that name without an
   * account; undefined when the program has none.
   */
  get(name: string, account?: string): Gateway | undefined
  /** Looks for changes of accounts' gateways soon: a refused claim showed that there are some. */
  refresh?(): void
  /** Closes all of them. Idempotent. */
  close(): Promise<void>
}

/** @throws {PaymentsError} `INVALID_OPTIONS` without a gateway, or when two have one name */
export function gatewaysOf(gateways: readonly Gateway[]): Gateways {
  const byName = new Map(gateways.map((gateway) => [gateway.name, gateway]))
  const names = [...byName.keys()]
  if (names.length === 0) throw new PaymentsError('INVALID_OPTIONS', 'at least one gateway is needed')
  if (names.length < gateways.length) {
    const twice = gateways.find((gateway) => byName.get(gateway.name) !== gateway)?.name ?? ''
    throw new PaymentsError('INVALID_OPTIONS', `two gateways have the name ${twice}`)
  }
  return {
    names,
    get: (name) => byName.get(name),
    async close() {
      await Promise.all(gateways.map(async (gateway) => gateway.close?.()))
    },
  }
}

/** Every member, so that the compiler asks for a new one. */
type Whole = { readonly [Name in keyof Required<Gateway>]: Gateway[Name] }

/**
 * Returns a gateway with some of its members replaced, getters too. Members of a class are in its prototype, which a copy by
 * spreading lacks. Each call returns a promise, also where a module is written without.
 */
export function withMembers(gateway: Gateway, members: Partial<Gateway>): Gateway {
  const { name, mode, keyTtlMs, signatureHeader, hasDefaultMethod } = gateway
  const { lookup, move, abandon, completeAction, list } = gateway
  const plain = {
    name,
    mode,
    keyTtlMs,
    signatureHeader,
    hasDefaultMethod,
    charge: async (request, options) => gateway.charge(request, options),
    lookup: lookup && (async (request, options) => lookup.call(gateway, request, options)),
    move: move && (async (request, options) => move.call(gateway, request, options)),
    abandon: abandon && (async (request, options) => abandon.call(gateway, request, options)),
    completeAction:
      completeAction && (async (request, options) => completeAction.call(gateway, request, options)),
    list: list && (async (request, options) => list.call(gateway, request, options)),
    get admit() {
      const { admit } = gateway
      return (
        admit &&
        (async (options: Parameters<typeof admit>[0]) => plainAdmission(await admit.call(gateway, options)))
      )
    },
    get circuit() {
      return gateway.circuit
    },
    parseWebhook: gateway.parseWebhook?.bind(gateway),
    close: async () => gateway.close?.(),
  } satisfies Whole
  return Object.defineProperties(plain, Object.getOwnPropertyDescriptors(members))
}

function plainAdmission(admission: Admission): Admission {
  return { gateway: withMembers(admission.gateway, {}), release: () => admission.release() }
}

/** Replaces each gateway by what `wrap` makes of it: once, because those of accounts are many, and come and go. */
export function mapGateways(gateways: Gateways, wrap: (gateway: Gateway) => Gateway): Gateways {
  const wrapped = new WeakMap<Gateway, Gateway>()
  return {
    names: gateways.names,
    get hasAccounts() {
      return gateways.hasAccounts
    },
    get places() {
      return gateways.places
    },
    get(name, account) {
      const gateway = gateways.get(name, account)
      if (gateway === undefined) return undefined
      const known = wrapped.get(gateway) ?? wrap(gateway)
      wrapped.set(gateway, known)
      return known
    },
    refresh: () => gateways.refresh?.(),
    close: () => gateways.close(),
  }
}
