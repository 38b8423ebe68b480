import { fitsMode } from '../domain/accounts/account.ts'
import { gatewayNameOf } from '../domain/accounts/place.ts'
import { ruleOf, routeOf, type RoutingRule } from '../domain/routing.ts'
import type { Gateways } from '../gateways/gateways.ts'
import type { PaymentPlace } from '../store/read.ts'

/** Reads the routing rules. */
export type ReadRoutes = () => Promise<readonly RoutingRule[]>

/** How old rules may be that are used, in milliseconds. */
const MAX_AGE_MS = 2_000

/** Keeps the rules for two seconds; callers in between share one read. A failure is not kept. */
export function keepRoutes(read: ReadRoutes, now: () => number = () => performance.now()): ReadRoutes {
  let kept: { readonly rules: ReturnType<ReadRoutes>; readonly at: number } | undefined
  return () => {
    if (kept !== undefined && now() - kept.at < MAX_AGE_MS) return kept.rules
    const rules = read()
    kept = { rules, at: now() }
    rules.catch(() => (kept = undefined))
    return rules
  }
}

/** Where a payment may be worked on. */
export interface Directions {
  /** The gateways that may take it now, in order; empty when another program has them. */
  readonly names: readonly string[]
  /** They are the names that attempts are stored with; else those of the program, whose gateways an account may have its own of. */
  readonly isExact: boolean
  /** All gateways of this program that it may go to. */
  readonly route: readonly string[]
  readonly declines: readonly string[] | undefined
}

/** Finds where a payment may be worked on by a program with these gateways. */
export function directionsOf(
  place: PaymentPlace,
  rules: readonly RoutingRule[],
  gateways: Gateways,
): Directions {
  const { names } = gateways
  const rule = ruleOf(rules, place)
  const { gateway, isCharge } = place
  const route = isCharge ? fittingRoute(place, rules, gateways) : []
  const declines = rule?.declines
  if (gateway !== null) return { names: [gateway], isExact: true, route, declines }
  const last = lastOf(place, names)
  if (last !== undefined) return { names: [last], isExact: false, route, declines }
  // What cannot be claimed has its answer at whichever gateway. Without a token of any gateway a charge is declined.
  const isOfNone =
    place.tokenGateway === null && routeOf(rules, place, [...names, ...(rule?.gateways ?? [])]).length === 0
  const isAny = !isCharge || isOfNone
  return { names: isAny ? names : route, isExact: false, route, declines }
}

/** Leaves out the gateways of the other mode, unless none is left: the claim then says why not. */
function fittingRoute(
  place: PaymentPlace,
  rules: readonly RoutingRule[],
  gateways: Gateways,
): readonly string[] {
  const { account, accountMode } = place
  const { names } = gateways
  const route = routeOf(rules, place, names, (name) =>
    fitsMode(accountMode, gateways.get(name, account)?.mode),
  )
  return route.length > 0 ? route : routeOf(rules, place, names)
}

/** Returns the gateway that repeats a charge, with the account's credentials of now, whatever those of the last attempt were. */
function lastOf({ lastGateway }: PaymentPlace, names: readonly string[]): string | undefined {
  const last = lastGateway === null ? undefined : gatewayNameOf(lastGateway)
  return last !== undefined && names.includes(last) ? last : undefined
}
