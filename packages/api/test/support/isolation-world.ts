import type { PaymentStore } from '@titan/payments'
import { fanOut } from '../../../webhooks/src/store/event-store.ts'
import { openTestApi, type TestApi } from './api.ts'
import { authorized, finish, pay, paid } from './movements.ts'

/** An account with a key to everything, and all that is its own. */
export interface Tenant {
  readonly account: string
  readonly token: string
  /** Ids of what it has, by the name of the parameter that takes them. */
  readonly ids: ReadonlyMap<string, readonly string[]>
  /** Values of queries that find only what it has, by the name of the parameter. */
  readonly values: ReadonlyMap<string, readonly string[]>
  /** What no other account may read anywhere. */
  readonly words: readonly string[]
}

type Changed = Partial<PaymentStore>

/** An API whose accounts `default` and `north` have one of everything; `south` and `west` have nothing. */
export interface World {
  readonly api: TestApi
  readonly tenants: ReadonlyMap<string, Tenant>
  /** Texts of the statements since the last call; none of API keys, which are cached for a while. */
  takeStatements(): readonly string[]
  /** Makes the routes leak from here on. */
  plant(leak: (store: PaymentStore) => Changed): void
}

export async function openWorld(): Promise<World> {
  let statements: string[] = []
  let planted: Changed = {}
  let original: PaymentStore | undefined
  const api = await openTestApi({
    withKeys: true,
    // Nothing listens there, so no relay changes a row meanwhile.
    redisUrl: 'redis://127.0.0.1:1',
    onStatement(text) {
      if (!text.includes('api_keys')) statements.push(text)
    },
    changed(store) {
      original = store
      return new Proxy(store, {
        get: (target, name) => Reflect.get({ ...target, ...planted }, name) as unknown,
      })
    },
  })
  await api.sql`insert into accounts (id, name) values ('north', 'North'), ('south', 'South'), ('west', 'West')`
  const tenants = new Map<string, Tenant>()
  for (const account of ['default', 'north', 'south', 'west']) {
    const { token } = await api.keys.create({ name: account, scope: 'admin', account })
    tenants.set(account, { account, token, ids: new Map(), values: new Map(), words: [] })
  }
  for (const account of ['default', 'north']) tenants.set(account, await fill(api, account, tokenOf(account)))
  return {
    api,
    tenants,
    takeStatements() {
      const taken = statements
      statements = []
      return taken
    },
    plant(leak) {
      if (original !== undefined) planted = leak(original)
    },
  }

  function tokenOf(account: string): string {
    return tenants.get(account)?.token ?? ''
  }
}

/** What responses call an id of each kind. */
type Created = Readonly<Record<string, string>>

async function fill(api: TestApi, account: string, token: string): Promise<Tenant> {
  const post = async (path: string, body: object): Promise<Created> => {
    const response = await api.request(path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return (await response.json()) as Created
  }
  const words = ['key', 'reference', 'cart'].map((word) => `${word}-of-${account}`)
  const [key = '', reference = '', cart = ''] = words
  const url = `https://${account}.example/hook`
  const endpoints = [await post('/webhook-endpoints', { url }), await post('/webhook-endpoints', { url })]
  const said = await post('/pay', { amount: 500, idempotency_key: key, reference, metadata: { cart } })
  await finish(api, said['payment_id'] ?? '', 'SUCCESS')
  const charged = await paid(api, token)
  const refunds = []
  for (const id of ['refund-1', 'refund-2'])
    refunds.push(await post(`/payments/${charged}/refunds`, { amount: 1, idempotency_key: id }))
  const [first, second] = [await authorized(api, token), await authorized(api, token)]
  const captured = await post(`/payments/${first}/capture`, { idempotency_key: 'capture' })
  const voided = await post(`/payments/${second}/void`, { idempotency_key: 'void' })
  const payments = [said['payment_id'] ?? '', charged, first, second, await pay(api, token)]
  await fanOut(api.sql, 1_000)
  const events = await api.sql<
    { id: string }[]
  >`select id from webhook_events where payment_id = any(${payments}) order by id`
  const deliveries = await api.sql<{ id: string }[]>`
    select 'dlv_' || d.id as id from webhook_deliveries d join webhook_events e on e.id = d.event_id
     where e.payment_id = any(${payments}) order by d.id`
  const ids = new Map(
    Object.entries({
      payment_id: payments,
      refund_id: refunds.map(({ refund_id: id = '' }) => id),
      capture_id: [captured['capture_id'] ?? ''],
      void_id: [voided['void_id'] ?? ''],
      endpoint_id: endpoints.flatMap(({ endpoint_id: id }) => id ?? []),
      event_id: events.map(({ id }) => id).slice(0, 3),
      delivery_id: deliveries.map(({ id }) => id).slice(0, 3),
    }),
  )
  const values = new Map([
    ...ids,
    ['idempotency_key', [key]],
    ['reference', [reference]],
    ['metadata', [`cart=${cart}`]],
    ['gateway_ref', [`at_gateway_${charged}`]],
    ['url', [url]],
  ])
  // A short number may be part of anything.
  const secrets = [...ids].flatMap(([name, all]) => (name === 'delivery_id' ? [] : all))
  return { account, token, ids, values, words: [...words, ...secrets, `${account}.example`] }
}
