import type { PaymentStore } from '@titan/payments'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Comparison, securedOperations, type Secured } from './support/isolation.ts'
import { openWorld } from './support/isolation-world.ts'

const world = await openWorld()
afterAll(world.api.close)
const operations = await securedOperations(world)
const nameOf = ({ method, path }: Secured) => `${method} ${path}`

/** What the asker can tell of the victim: on all routes, or on one. */
async function leaksOf(victim: string, asker: string, route?: string): Promise<readonly string[]> {
  const comparison = new Comparison(world, victim, asker)
  for (const operation of operations) {
    if (route !== undefined && nameOf(operation) !== route) continue
    await comparison.ofPaths(operation)
    await comparison.ofLists(operation)
  }
  return comparison.leaks
}

/** What it can tell by creating something, which it then has. */
async function creationLeaksOf(victim: string, asker: string): Promise<readonly string[]> {
  const comparison = new Comparison(world, victim, asker)
  for (const operation of operations) await comparison.ofCreations(operation)
  return comparison.leaks
}

/** Everything that an account has, as it is stored. */
async function rowsOf(account: string): Promise<string> {
  const [row] = await world.api.sql<{ rows: string }[]>`
    select jsonb_build_array(
      (select jsonb_agg(p order by id) from payments p where coalesce(account, 'default') = ${account}),
      (select jsonb_agg(e order by payment_id, seq) from payment_event_rows e
         join payments p on p.id = e.payment_id where coalesce(p.account, 'default') = ${account}),
      (select jsonb_agg(w order by id) from webhook_endpoints w))::text as rows`
  return row?.rows ?? ''
}

describe('what is of another account', () => {
  it.each([
    ['north', 'south'],
    ['default', 'south'],
    ['north', 'default'],
  ])('of %s: is to %s as if it did not exist, on every route of the document', async (victim, asker) => {
    expect(operations.length).toBeGreaterThan(25)
    const before = await rowsOf(victim)
    expect(await leaksOf(victim, asker)).toEqual([])
    expect(await rowsOf(victim)).toBe(before)
  })

  it('does not take an idempotency key, nor anything else that is unique', async () => {
    for (const victim of ['north', 'default']) expect(await creationLeaksOf(victim, 'west')).toEqual([])
  })

  it('is there for its owner on every route, so that what is compared exists', async () => {
    const owner = world.tenants.get('default')
    const reads = operations.filter(({ method, path }) => method === 'GET' && path.includes('{'))
    expect(reads.length).toBeGreaterThan(5)
    for (const { path } of reads) {
      const [, name = ''] = /\{(\w+)\}/.exec(path) ?? []
      for (const id of owner?.ids.get(name) ?? []) {
        const headers = { authorization: `Bearer ${owner?.token ?? ''}` }
        const response = await world.api.request(path.replace(`{${name}}`, id), { headers })
        expect(response.status, `${path} ${id}`).toBe(200)
      }
    }
  })
})

describe('a planted leak is found', () => {
  afterEach(() => world.plant(() => ({})))

  const asSouth = <Row>(row: Row | undefined) => row && { ...row, account: 'south' }
  const plants: readonly [string, (store: PaymentStore) => Partial<PaymentStore>, string][] = [
    [
      'a payment that is read without its account',
      (store) => ({ get: async (id) => asSouth(await store.get(id)) }),
      'GET /payments/{payment_id}',
    ],
    [
      'a refund that is read without its account',
      (store) => ({ movement: async (id) => asSouth(await store.movement(id)) }),
      'GET /refunds/{refund_id}',
    ],
    [
      'a list of all accounts',
      (store) => ({ page: (filter) => store.page({ ...filter, account: undefined }) }),
      'GET /payments',
    ],
    [
      'a list of the refunds of all accounts',
      (store) => ({ pageMovements: (filter) => store.pageMovements({ ...filter, account: undefined }) }),
      'GET /refunds',
    ],
    [
      'a refund of the payment of any account',
      (store) => ({ createMovement: (asked) => store.createMovement({ ...asked, account: undefined }) }),
      'POST /payments/{payment_id}/refunds',
    ],
    [
      'one statement more for what exists',
      (store) => ({
        async get(id) {
          const payment = await store.get(id)
          if (payment !== undefined) await store.events(id)
          return payment
        },
      }),
      'GET /payments/{payment_id}',
    ],
  ]
  it.each(plants)('%s', async (_what, leak, route) => {
    world.plant(leak)
    expect(await leaksOf('north', 'south', route)).not.toEqual([])
  })

  it('idempotency keys of all accounts', async () => {
    world.plant((store) => ({ create: (payment) => store.create({ ...payment, account: 'north' }) }))
    expect(await creationLeaksOf('north', 'west')).toContainEqual(expect.stringContaining('POST /pay'))
  })
})
