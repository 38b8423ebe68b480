import type { Claim } from './claim.ts'
import { declineKindOf, mayGoElsewhere } from './declines.ts'
import type { GatewayToken } from './details.ts'
import type { PaymentAttempt } from './payment.ts'

/** Sends the payments that match to gateways in order of preference. A member that is undefined matches all. */
export interface RoutingRule {
  readonly account?: string | undefined
  readonly currency?: string | undefined
  /** Least amount in minor units, inclusive. */
  readonly minAmount?: number | undefined
  /** Largest amount, inclusive. */
  readonly maxAmount?: number | undefined
  /** Beginning of the gateway's token, or of any of the tokens where there is one for each gateway. */
  readonly paymentMethod?: string | undefined
  readonly gateways: readonly string[]
  /** Decline codes after which the next gateway may be tried. @default all that may go elsewhere */
  readonly declines?: readonly string[] | undefined
}

/** What decides about the route of a payment. */
export interface RoutedPayment {
  readonly account: string
  readonly amount: number
  readonly currency: string
  readonly paymentMethod: GatewayToken | null
  /** Whose its tokens are that name no gateway. @default the first of the route */
  readonly tokenGateway?: string | null | undefined
}

/** Returns the first rule that matches; undefined without one. */
export function ruleOf(rules: readonly RoutingRule[], payment: RoutedPayment): RoutingRule | undefined {
  const { account, amount, currency, paymentMethod } = payment
  return rules.find(
    (rule) =>
      (rule.account ?? account) === account &&
      (rule.currency ?? currency) === currency &&
      amount >= (rule.minAmount ?? 0) &&
      amount <= (rule.maxAmount ?? Infinity) &&
      beginsWith(paymentMethod, rule.paymentMethod),
  )
}

function beginsWith(token: GatewayToken | null, beginning: string | undefined): boolean {
  if (beginning === undefined) return true
  const tokens = typeof token === 'string' ? [token] : Object.values(token ?? {})
  return tokens.some((one) => one.startsWith(beginning))
}

/**
 * Returns the gateways that a payment may go to, in order: those of the first rule that matches, or all of the program's in
 * their order. A gateway without a token of the payment is never among them, and a token that names no gateway belongs to the
 * first one that fits, whether or not the program has it. Where that was decided before, no rule changes it.
 */
export function routeOf(
  rules: readonly RoutingRule[],
  payment: RoutedPayment,
  gateways: readonly string[],
  fits: (gateway: string) => boolean = () => true,
): readonly string[] {
  const { paymentMethod, tokenGateway = null } = payment
  if (tokenGateway !== null) return gateways.filter((name) => name === tokenGateway)
  const order = [...new Set(ruleOf(rules, payment)?.gateways ?? gateways)].filter((name) => fits(name))
  const known = order.filter((name) => gateways.includes(name))
  if (paymentMethod === null) return known
  if (typeof paymentMethod === 'string') return known.filter((name) => name === order[0])
  return known.filter((name) => Object.hasOwn(paymentMethod, name))
}

/** Where else a payment may go, and where it was. */
export interface Routing {
  readonly route: readonly string[]
  /** Decline codes after which the next gateway may be tried. @default all that may go elsewhere */
  readonly declines?: readonly string[] | undefined
  /** The attempts before the current one. */
  readonly before: readonly Pick<PaymentAttempt, 'gateway' | 'outcome' | 'lastError'>[]
}

/** The gateway of the next attempt. */
export interface NextStep {
  readonly gateway: string
  /** It begins the route again, which costs a delay and a retry like a repeat at one gateway. */
  readonly isNewRound: boolean
}

/** Most attempts of one payment that another gateway may follow; the last one repeats as if it were alone. */
const MOST_ATTEMPTS = 50

/**
 * Whether it is certain that no charge of this attempt can exist at its gateway once it is closed: it is a first send, which no
 * other worker can have made or can still make, and nothing waits for an answer to it.
 */
function isFirstSend({ kind, mode, takeovers, waitsFor, gatewayRef, attemptNo }: Claim): boolean {
  const isAlone = mode === 'send' && takeovers === 0 && waitsFor === null && gatewayRef === null
  return kind === 'charge' && isAlone && attemptNo < MOST_ATTEMPTS
}

/**
 * Returns where a charge goes whose request was certainly not processed: to the next gateway of the route that has not declined
 * it, else back to the first such one. Undefined when there is no other.
 */
export function afterNotSent(claim: Claim, routing: Routing | undefined): NextStep | undefined {
  if (routing === undefined || !isFirstSend(claim)) return undefined
  const { route, before } = routing
  const isOpen = (name: string): boolean => lastAt(before, name)?.outcome !== 'DECLINED'
  const others = route.filter((name) => name !== claim.gateway && isOpen(name))
  const place = route.indexOf(claim.gateway)
  const later = place < 0 ? undefined : others.find((name) => route.indexOf(name) > place)
  const gateway = later ?? others[0]
  return gateway === undefined ? undefined : { gateway, isNewRound: later === undefined }
}

/** What a gateway said when it declined. */
interface Decline {
  readonly code: string
  readonly kind: 'soft' | 'hard'
}

/**
 * Returns where a charge goes that the gateway declined, by the same order, when the rule lets its code go elsewhere. A customer
 * who is present may still pay at the gateway that declined.
 */
export function afterDecline(
  claim: Claim,
  decline: Decline,
  routing: Routing | undefined,
): NextStep | undefined {
  if (claim.customerPresent || !mayGoElsewhere(decline, routing?.declines)) return undefined
  return afterNotSent(claim, routing)
}

/**
 * Returns the gateway that repeats a softly declined charge when no other one is left, and the code of its decline: the first of
 * the route that declined it softly, because the rule prefers it. Undefined when that is the current one, or none did.
 */
export function whereToRepeat(
  claim: Claim,
  decline: Decline,
  routing: Routing | undefined,
): { readonly gateway: string; readonly code: string } | undefined {
  if (routing === undefined || !isFirstSend(claim)) return undefined
  if (decline.kind === 'hard' && !mayGoElsewhere(decline, routing.declines)) return undefined
  const first = routing.route.find((name) =>
    name === claim.gateway ? decline.kind === 'soft' : softCodeAt(routing.before, name) !== undefined,
  )
  const code = first === undefined ? undefined : softCodeAt(routing.before, first)
  if (first === undefined || first === claim.gateway || code === undefined) return undefined
  return { gateway: first, code }
}

/** Returns the code of the last answer of a gateway; undefined when that was no soft decline. */
function softCodeAt(before: Routing['before'], gateway: string): string | undefined {
  const last = lastAt(before, gateway)
  const code = last?.outcome === 'DECLINED' ? (last.lastError ?? '') : ''
  return declineKindOf(code) === 'soft' ? code : undefined
}

function lastAt(before: Routing['before'], gateway: string): Routing['before'][number] | undefined {
  return before.findLast((attempt) => attempt.gateway === gateway)
}
