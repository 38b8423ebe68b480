import { startLoop, type Loop } from '@titan/queue-core/async'
import { DEFAULT_ACCOUNT, fitsMode, type AccountFacts } from '../domain/accounts/account.ts'
import { routeOf, ruleOf, type RoutingRule } from '../domain/routing.ts'
import type { GatewayMode } from '../gateways/gateway.ts'
import type { AcceptingGateway } from '../gateways/known.ts'
import type { NewPayment } from '../store/create.ts'
import type { ReadRoutes } from './routes.ts'

/** What is known of a new payment's way before it is stored. */
export interface Acceptance {
  /** Whose its tokens are that name no gateway; undefined when that is not known. */
  readonly tokenGateway: string | undefined
  /** Why no gateway of its route can charge it: all are of the other mode, or need another payment method. */
  readonly lacks: 'gateway' | 'payment_method' | undefined
}

const ANYWHERE: AccountFacts = { mode: null, credentials: {} }

/** Time after which a change of the rules is seen, in milliseconds. */
const INTERVAL_MS = 2_000

/**
 * Tells where new payments go, for programs that accept them. Rules are read in the background and only where there are several
 * gateways: no payment waits for them. What this program does not know, it does not refuse: a gateway that only a rule names may
 * be that of other workers, and the claim decides in the end.
 */
export class AcceptanceRules {
  readonly #gateways: ReadonlyMap<string, AcceptingGateway>
  readonly #readRoutes: ReadRoutes
  #rules: readonly RoutingRule[] = []
  #areRulesKnown: boolean
  #loop: Loop | undefined

  /** `gateways`: those of the workers, in order. */
  constructor(gateways: readonly AcceptingGateway[], readRoutes: ReadRoutes) {
    this.#gateways = new Map(gateways.map((gateway) => [gateway.name, gateway]))
    this.#readRoutes = readRoutes
    // The workers of one gateway do not route.
    this.#areRulesKnown = gateways.length === 1
  }

  /** Reads the rules now. */
  async refresh(): Promise<void> {
    if (this.#gateways.size < 2) return
    this.#rules = await this.#readRoutes()
    this.#areRulesKnown = true
  }

  /** Reads the rules, and again from now on. After a failure, those of the last time hold. */
  async start(onError: (error: unknown) => void): Promise<void> {
    if (this.#gateways.size < 2) return
    await this.refresh().catch(onError)
    const read = () => this.refresh().then(() => INTERVAL_MS)
    this.#loop = startLoop(read, onError, { firstDelayMs: INTERVAL_MS })
  }

  async stop(): Promise<void> {
    await this.#loop?.stop()
  }

  /** `facts`: of the payment's account. @default it may go anywhere */
  judge(asked: NewPayment, facts: AccountFacts = ANYWHERE): Acceptance {
    const { account = DEFAULT_ACCOUNT, amount, currency = 'USD', paymentMethod = null } = asked
    const payment = { account, amount, currency, paymentMethod }
    const rules = this.#rules
    const known = [...this.#gateways.keys(), ...(ruleOf(rules, payment)?.gateways ?? [])]
    const route = routeOf(rules, payment, known, (name) => fitsMode(facts.mode, this.#modeOf(name, facts)))
    if (this.#isChargeable(asked, route, facts))
      return { tokenGateway: this.#areRulesKnown ? route[0] : undefined, lacks: undefined }
    const isOfOtherMode = route.length === 0 && routeOf(rules, payment, known).length > 0
    return { tokenGateway: undefined, lacks: isOfOtherMode ? 'gateway' : 'payment_method' }
  }

  /** Without a payment method, what counts is where the payment begins: a gateway that needs one declines it. */
  #isChargeable({ paymentMethod }: NewPayment, route: readonly string[], facts: AccountFacts): boolean {
    if (paymentMethod !== undefined) return route.length > 0
    const reached = this.#areRulesKnown ? route.slice(0, 1) : route
    return reached.some((name) => this.#hasDefault(name, facts))
  }

  #modeOf(name: string, { credentials }: AccountFacts): GatewayMode | null | undefined {
    return Object.hasOwn(credentials, name) ? credentials[name] : this.#gateways.get(name)?.mode
  }

  /** What is said of the program's credentials says nothing about those of another mode. */
  #hasDefault(name: string, facts: AccountFacts): boolean {
    const gateway = this.#gateways.get(name)
    return gateway?.hasDefaultMethod !== false || this.#modeOf(name, facts) !== gateway.mode
  }
}
