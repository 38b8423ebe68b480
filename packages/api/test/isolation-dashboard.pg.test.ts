import { afterAll, describe, expect, it } from 'vitest'
import { ENTRIES, openDashboard, pageLeaksOf } from './support/isolation-dashboard.ts'
import { openWorld, type Tenant } from './support/isolation-world.ts'

const world = await openWorld()
afterAll(world.api.close)
const dashboard = openDashboard(world)

function tenant(account: string): Tenant {
  const found = world.tenants.get(account)
  if (found === undefined) throw new Error(`no account ${account} in this world`)
  return found
}

const own = Object.entries(ENTRIES).flatMap(([route, entry]) =>
  typeof entry === 'string' ? [] : [{ route, entry }],
)

/** What the session of a key can tell of the victim on all pages. */
async function leaksOf(victim: string, cookie: string): Promise<readonly string[]> {
  const leaks = []
  for (const one of own)
    leaks.push(...(await pageLeaksOf(dashboard, { ...one, cookie, victim: tenant(victim) })))
  return leaks
}

async function rowsOf(account: string): Promise<unknown> {
  return world.api.sql`
    select p.*, (select jsonb_agg(e order by seq) from payment_event_rows e where e.payment_id = p.id) as events
      from payments p where coalesce(p.account, 'default') = ${account} order by id`
}

describe('the dashboard of an account’s key', () => {
  it('knows of every route how an account is kept to its own', () => {
    expect(dashboard.routes.toSorted()).toEqual(Object.keys(ENTRIES).toSorted())
  })

  it.each([
    ['north', 'south'],
    ['default', 'south'],
  ])('shows of %s to %s what it shows of what does not exist', async (victim, asker) => {
    const cookie = await dashboard.signIn(tenant(asker).token)
    const before = await rowsOf(victim)
    expect(await leaksOf(victim, cookie)).toEqual([])
    expect(await rowsOf(victim)).toEqual(before)
  })

  it('tells an operator on each of these pages, so that what is compared exists', async () => {
    const cookie = await dashboard.signIn(tenant('default').token)
    for (const { route, entry } of own.filter((one) => /^GET .payments|^GET .refunds/.test(one.route))) {
      const found = await pageLeaksOf(dashboard, { route, entry, cookie, victim: tenant('north') })
      expect(found, route).not.toEqual([])
    }
  })

  it('answers on pages of operators as on unknown ones', async () => {
    const cookie = await dashboard.signIn(tenant('north').token)
    const [id = ''] = tenant('north').ids.get('payment_id') ?? []
    for (const [route, entry] of Object.entries(ENTRIES)) {
      if (entry !== 'operators') continue
      const [method = '', path = ''] = route.split(' ')
      const asked = path.replace(':id', id).replace(':queue', 'payments').replace(':letter', '1-0')
      const ask = (to: string) =>
        method === 'GET' ? dashboard.get(to, cookie) : dashboard.post(to, {}, cookie)
      const [page, unknown] = [await ask(asked), await ask('/no/such/page')]
      expect(page, route).toEqual(unknown)
      expect(page.status).toBe(404)
    }
  })

  it('shows all that is its own, and nothing else', async () => {
    const { token, ids } = tenant('north')
    const cookie = await dashboard.signIn(token)
    const payments = ids.get('payment_id') ?? []
    const pages = ['/payments', '/refunds', ...payments.map((id) => `/payments/${id}`)]
    for (const path of pages) {
      const bearer = { headers: { authorization: `Bearer ${token}` } }
      for (const page of [await dashboard.get(path, cookie), await dashboard.request('GET', path, bearer)]) {
        expect(page.status, path).toBe(200)
        expect(tenant('default').words.filter((word) => page.body.includes(word))).toEqual([])
      }
    }
    const list = await dashboard.get('/payments', cookie)
    expect(payments.filter((id) => !list.body.includes(id))).toEqual([])
    expect(list.body).toContain('key-of-north')
    const overview = await dashboard.get('/', cookie)
    expect(overview.body).toContain('https://north.example/hook')
    expect(overview.body).toMatch(/id="total-PENDING"[^]*?<span class="figure">1</)
    // Names of operators and of workers, and what a gateway was told, are not the account's.
    expect((await dashboard.get(`/payments/${payments[1]}`, cookie)).body).not.toMatch(
      /by api|class="evidence"/,
    )
  })

  it('shows the payments of default to its keys below the scope admin', async () => {
    const { key, token } = await world.api.keys.create({ name: 'default', scope: 'write' })
    expect(key.account).toBe('default')
    const cookie = await dashboard.signIn(token)
    const { ids, words } = tenant('north')
    const [payment = ''] = ids.get('payment_id') ?? []
    const list = await dashboard.get('/payments', cookie)
    expect(list.body).toContain(tenant('default').ids.get('payment_id')?.[0])
    for (const path of ['/payments', '/refunds']) {
      const { body } = await dashboard.get(`${path}?account=north`, cookie)
      expect([...words, 'north'].filter((word) => body.includes(word))).toEqual([])
    }
    expect((await dashboard.get(`/payments/${payment}`, cookie)).status).toBe(404)
    // Nor does it count what is of others.
    expect((await dashboard.get('/', cookie)).body).toMatch(
      /id="total-PENDING"[^]*?<span class="figure">1<[^]*default\.example/,
    )
    for (const path of ['/series', '/reviews'])
      expect(await dashboard.get(path, cookie), path).toEqual(await dashboard.get('/no/such/page', cookie))
  })

  it('names the gateway of a payment, and not the account there', async () => {
    const id = tenant('north').ids.get('payment_id')?.at(-1) ?? ''
    await world.api.sql`update payments set gateway = 'stripe@north.1', attempt_no = 1 where id = ${id}`
    const shownTo = async (account: string) =>
      (await dashboard.get(`/payments/${id}`, await dashboard.signIn(tenant(account).token))).body
    expect(await shownTo('north')).toMatch(/Gateway<[^]*?>stripe</)
    expect(await shownTo('north')).not.toContain('stripe@')
    expect(await shownTo('default')).toContain('stripe@north.1')
  })

  it('refunds with a key of the scope write under the key’s own name, and not with one of read', async () => {
    const [, id = ''] = tenant('north').ids.get('payment_id') ?? []
    const form = { key: 'dashboard-3', amount: '0.01', reason: '' }
    const reader = await world.api.keys.create({ name: 'reader', scope: 'read', account: 'north' })
    const reading = await dashboard.signIn(reader.token)
    expect((await dashboard.get(`/payments/${id}`, reading)).body).not.toContain('form_token')
    expect((await dashboard.post(`/payments/${id}/refund`, form, reading)).status).toBe(403)

    const writer = await world.api.keys.create({ name: 'writer', scope: 'write', account: 'north' })
    const writing = await dashboard.signIn(writer.token)
    expect((await dashboard.get(`/payments/${id}`, writing)).body).toContain('form_token')
    const done = await dashboard.post(`/payments/${id}/refund`, form, writing)
    expect(done.status).toBe(303)
    const refund = (await world.api.store.movements(id)).at(-1)
    const [created] = await world.api.store.events(refund?.id ?? '')
    expect(created?.actor).toBe(`api:key_${writer.key.id}`)
  })

  it('shows the URL of an endpoint and sends its deliveries again with a key of the scope admin only', async () => {
    const { token, ids } = tenant('north')
    const [endpoint = ''] = ids.get('endpoint_id') ?? []
    const [delivery] = await world.api.sql<{ id: string }[]>`
      update webhook_deliveries set status = 'FAILED', next_attempt_at = null
       where id = (select min(id) from webhook_deliveries where endpoint_id = ${endpoint}) returning 'dlv_' || id as id`
    const statusOf = async () => (await world.api.webhooks.getDelivery(delivery?.id ?? ''))?.status
    const again = (cookie: string) =>
      dashboard.post(`/webhook-deliveries/${delivery?.id}/redeliver`, { endpoint }, cookie)

    const writer = await world.api.keys.create({ name: 'writer', scope: 'write', account: 'north' })
    const writing = await dashboard.signIn(writer.token)
    for (const path of ['/', `/webhook-endpoints/${endpoint}`]) {
      const { body } = await dashboard.get(path, writing)
      expect(body).toContain('https://north.example/***')
      expect(body).not.toMatch(/north\.example\/hook|Send again/)
    }
    expect((await again(writing)).status).toBe(403)
    expect(await statusOf()).toBe('FAILED')

    const admin = await dashboard.signIn(token)
    const { body } = await dashboard.get(`/webhook-endpoints/${endpoint}`, admin)
    expect(body).toMatch(/north\.example\/hook[^]*Send again/)
    expect((await again(admin)).status).toBe(303)
    expect(await statusOf()).toBe('PENDING')
  })

  it('ends with its key, and with the account of its key', async () => {
    for (const end of ['revoked_at = now()', `account = 'west'`, 'account = null']) {
      const { key, token } = await world.api.keys.create({ name: 'ends', scope: 'write', account: 'south' })
      const cookie = await dashboard.signIn(token)
      expect((await dashboard.get('/payments', cookie)).status).toBe(200)
      await world.api.sql.unsafe(`update api_keys set ${end} where id = '${key.id}'`)
      expect((await dashboard.get('/payments', cookie)).status, end).toBe(401)
      // Nor is it one of another account.
      for (const other of ['', '.west', '.north'])
        expect((await dashboard.get('/payments', cookie.replace('.south', other))).status).toBe(401)
    }
  })

  it('is shown nothing of what an operator has just been shown', async () => {
    dashboard.withCache()
    const cookies = []
    for (const account of ['default', 'south']) cookies.push(await dashboard.signIn(tenant(account).token))
    const { ids, words } = tenant('north')
    for (const path of ['/', '/payments', '/refunds', `/payments/${ids.get('payment_id')?.[0]}`]) {
      const [seen, hidden] = [
        await dashboard.get(path, cookies[0] ?? ''),
        await dashboard.get(path, cookies[1] ?? ''),
      ]
      expect(seen.status).toBe(200)
      expect(
        words.filter((word) => !path.includes(word) && hidden.body.includes(word)),
        path,
      ).toEqual([])
    }
    expect((await dashboard.get('/', cookies[1] ?? '')).body).not.toMatch(/<span class="figure">[1-9]/)
  })
})
