import { startLoop, type Loop } from '@titan/queue-core/async'
import { DEFAULT_ACCOUNT } from '../domain/accounts/account.ts'
import { routeOf, ruleOf, type RoutingRule } from '../domain/routing.ts'
import type { AcceptingGateway } from '../gateways/known.ts'
import type { NewPayment } from '../store/create.ts'
import type { ReadRoutes } from './routes.ts'

/** What is known of a new payment's way before it is stored. */
export interface Acceptance {
  /** Whose its tokens are that name no gateway; undefined when that is not known. */
  readonly tokenGateway: string | undefined
  /** Whether a gateway of its route can charge it. */
  readonly isChargeable: boolean
}

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
  #rules: readonly RoutingRule[] | undefined
  #loop: Loop | undefined

  /** `gateways`: those of the workers, in order. */
  constructor(gateways: readonly AcceptingGateway[], readRoutes: ReadRoutes) {
    this.#gateways = new Map(gateways.map((gateway) => [gateway.name, gateway]))
    this.#readRoutes = readRoutes
    // The workers of one gateway do not route.
    if (gateways.length === 1) this.#rules = []
  }

  /** Reads the rules now. */
  async refresh(): Promise<void> {
    if (this.#gateways.size > 1) this.#rules = await this.#readRoutes()
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

  judge({ account = DEFAULT_ACCOUNT, amount, currency = 'USD', paymentMethod }: NewPayment): Acceptance {
    const payment = { account, amount, currency, paymentMethod: paymentMethod ?? null }
    const rules = this.#rules ?? []
    const known = [...this.#gateways.keys(), ...(ruleOf(rules, payment)?.gateways ?? [])]
    const route = routeOf(rules, payment, known)
    return {
      tokenGateway: this.#rules && route[0],
      isChargeable: route.some(
        (name) => paymentMethod !== undefined || this.#gateways.get(name)?.hasDefaultMethod !== false,
      ),
    }
  }
}
