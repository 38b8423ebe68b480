import { createHash } from 'node:crypto'
import { eventually } from '@titan/testkit'
import { afterAll, describe, expect, it } from 'vitest'
import type { ApiKeyScope } from '../src/keys/api-key.ts'
import { openTestApi } from './support/api.ts'
import { paid, waiting } from './support/movements.ts'

const api = await openTestApi({ withKeys: true })
afterAll(api.close)

async function createKey(scope: ApiKeyScope, expiresAt?: Date): Promise<{ id: string; token: string }> {
  const { key, token } = await api.keys.create({ name: `a key to ${scope}`, scope, expiresAt })
  return { id: key.id, token }
}

function call(method: string, path: string, token?: string, body?: object): Promise<Response> {
  return api.request(path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

function list(token?: string): Promise<Response> {
  return call('GET', '/payments', token)
}

describe('a key of an account', () => {
  it('is none for a program that does not know accounts, and for the account that it is given by hand', async () => {
    await api.sql`insert into accounts (id, name) values ('north', 'North'), ('south', 'South')`
    for (const account of ['default', 'north']) {
      const { key, token } = await api.keys.create({ name: account, scope: 'read', account })
      const secret = token.slice(-43)
      // What a program of the version before compares.
      const earlier = createHash('sha256').update(secret).digest()
      const stored = await api.keys.find(key.id)
      expect(earlier.equals(stored?.secretHash ?? earlier)).toBe(account === 'default')
      expect((await list(token)).status).toBe(200)
    }
    for (const [from, to] of [
      ['default', 'north'],
      ['north', 'south'],
      ['north', null],
    ] as const) {
      const { key, token } = await api.keys.create({ name: 'moved', scope: 'read', account: from })
      await api.sql`update api_keys set account = ${to} where id = ${key.id}`
      expect((await list(token)).status).toBe(401)
    }
  })
})

describe('an API that asks for keys', () => {
  // F114
  it('shows the paths of webhook endpoints, which may hold tokens, only to a key that may change them', async () => {
    const { token: admin } = await createKey('admin')
    const url = 'https://hooks.example.com/services/hidden-token?key=hidden-too'
    const created = await call('POST', '/webhook-endpoints', admin, { url })
    const { endpoint_id: id } = (await created.json()) as { endpoint_id: string }
    for (const scope of ['read', 'write'] as const) {
      const { token } = await createKey(scope)
      for (const path of ['/webhook-endpoints', `/webhook-endpoints/${id}`]) {
        const text = await (await call('GET', path, token)).text()
        expect(text).toContain('"url":"https://hooks.example.com/***"')
        expect(text).not.toContain('hidden')
      }
    }
    expect(await (await call('GET', `/webhook-endpoints/${id}`, admin)).text()).toContain(url)
  })

  it('lets a key to write move money, and a key to read only look', async () => {
    const [{ token: read }, writer] = [await createKey('read'), await createKey('write')]
    const id = await paid(api, writer.token)
    const path = `/payments/${id}/refunds`
    const body = { amount: 1, idempotency_key: 'k' }
    const refused = await call('POST', path, read, body)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('scope="write"')
    expect((await call('POST', path, undefined, body)).status).toBe(401)
    for (const act of ['capture', 'void'])
      expect((await call('POST', `/payments/${id}/${act}`, read, { idempotency_key: 'k' })).status).toBe(403)

    const { refund_id: refund } = (await (await call('POST', path, writer.token, body)).json()) as {
      refund_id: string
    }
    for (const shown of [path, '/refunds', `/refunds/${refund}`])
      expect((await call('GET', shown, read)).status).toBe(200)
    expect(await api.store.events(refund)).toMatchObject([
      { type: 'refund.created', actor: `api:key_${writer.id}` },
    ])
  })

  it('shows what a customer has to do, with its secret only to a key to write', async () => {
    const { token: write } = await createKey('write')
    const { token: read } = await createKey('read')
    const id = await waiting(api, { type: 'sdk', clientSecret: 'pi_1_secret_2' }, write)
    for (const path of [`/payments/${id}`, '/payments?limit=1']) {
      const hidden = await (await call('GET', path, read)).text()
      expect(hidden).toContain('"status_detail":"AWAITING_CUSTOMER"')
      expect(hidden).toContain('"next_action":{"type":"sdk","expires_at":"')
      expect(hidden).not.toContain('pi_1_secret_2')
      expect(await (await call('GET', path, write)).text()).toContain('"client_secret":"pi_1_secret_2"')
    }
    const redirected = await waiting(api, { type: 'redirect', url: 'https://bank.example/3ds' }, write)
    const shown: unknown = await (await call('GET', `/payments/${redirected}`, read)).json()
    expect(shown).toMatchObject({ next_action: { type: 'redirect', url: 'https://bank.example/3ds' } })

    await api.sql`
      update payments set waits_for = null, waits_until = null, needs_review = true, event_seq = event_seq + 1
       where id = any(${[id, redirected]}::text[])`
    for (const path of [`/payments/${id}`, `/payments/${redirected}`, '/payments?limit=2']) {
      const ended = await (await call('GET', path, write)).text()
      expect(ended).toContain('"status_detail":"IN_REVIEW"')
      expect(ended).not.toContain('next_action')
    }
    // The other programs read it there.
    expect((await api.store.get(id))?.details).toMatchObject({ nextAction: null })
  })

  // F111 two API keys create and cancel one payment: the id of each key is in the history of the payment, and
  //  on the log line
  it('records which key created and canceled a payment', async () => {
    const [creator, canceler] = [await createKey('write'), await createKey('write')]
    const paid = await call('POST', '/pay', creator.token, { amount: 1, idempotency_key: 'whose' })
    const { payment_id: id } = (await paid.json()) as { payment_id: string }
    await call('POST', '/pay', canceler.token, { amount: 1, idempotency_key: 'whose' })
    expect((await call('POST', `/payments/${id}/cancel`, canceler.token)).status).toBe(200)

    const events = await api.store.events(id)
    expect(events.map(({ type, actor }) => [type, actor])).toEqual([
      ['payment.created', `api:key_${creator.id}`],
      ['payment.failed', `api:key_${canceler.id}`],
    ])
  })

  it('lets a key in, and refuses who has none, with a challenge', async () => {
    const { token } = await createKey('read')
    const refused = await list()

    expect((await list(token)).status).toBe(200)
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="titan"')
    expect(await refused.json()).toMatchObject({ code: 'api-key-missing' })
  })

  it('refuses every token that is incomplete or of no key, always in the same way', async () => {
    const { id, token } = await createKey('read')
    const { token: other } = await createKey('read')
    const wrong = [
      'nonsense',
      id,
      token.slice(0, -1),
      `${token}x`,
      // The id of one key with the secret of another, and an id that does not exist.
      token.slice(0, 23) + other.slice(23),
      `titan_0000000000000000_${other.slice(23)}`,
    ]

    for (const text of wrong) {
      const response = await list(text)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="titan", error="invalid_token"')
      const body = await response.text()
      expect(JSON.parse(body)).toMatchObject({ code: 'api-key-invalid' })
      expect(body).not.toContain(text)
    }
    expect((await api.request('/payments', { headers: { authorization: `Basic ${token}` } })).status).toBe(
      401,
    )
  })

  it('lets each scope do what it is for, and what the ones before it are for', async () => {
    const tokens = {
      read: (await createKey('read')).token,
      write: (await createKey('write')).token,
      admin: (await createKey('admin')).token,
    }
    const pay = (token: string): Promise<Response> =>
      call('POST', '/pay', token, { amount: 5, idempotency_key: 'scoped' })
    const register = (token: string): Promise<Response> =>
      call('POST', '/webhook-endpoints', token, { url: 'https://example.com/' })

    const refused = await pay(tokens.read)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer realm="titan", error="insufficient_scope", scope="write"',
    )
    expect(await refused.json()).toMatchObject({ code: 'api-key-scope' })
    expect((await register(tokens.write)).status).toBe(403)
    expect((await pay(tokens.write)).status).toBe(202)
    expect((await pay(tokens.admin)).status).toBe(202)
    expect((await register(tokens.admin)).status).toBe(201)
    expect((await call('GET', '/webhook-endpoints', tokens.read)).status).toBe(200)
  })

  it('refuses a key soon after it was revoked', async () => {
    const { id, token } = await createKey('read')
    expect((await list(token)).status).toBe(200)

    expect(await api.keys.revoke(id)).toBe(true)
    expect(await api.keys.revoke(id)).toBe(false)

    await eventually(async () => {
      expect((await list(token)).status).toBe(401)
    })
  })

  it('refuses a key that has expired', async () => {
    const { token } = await createKey('read', new Date(Date.now() - 1_000))
    const { token: later } = await createKey('read', new Date(Date.now() + 3_600_000))

    expect((await list(token)).status).toBe(401)
    expect((await list(later)).status).toBe(200)
  })

  it('notes when a key was used last', async () => {
    const { id, token } = await createKey('read')
    expect((await api.keys.find(id))?.lastUsedAt).toBeNull()

    await Promise.all(Array.from({ length: 5 }, () => list(token)))

    expect((await api.keys.find(id))?.lastUsedAt).toBeInstanceOf(Date)
  })

  it('keeps nothing that a key could be made from', async () => {
    const { id, token } = await createKey('read')
    const [row] = await api.sql<{ text: string }[]>`select k::text as text from api_keys k where id = ${id}`

    expect(row?.text).toContain(id)
    expect(row?.text).not.toContain(token.slice(-43))
  })

  it('leaves open what probes and readers of problems need', async () => {
    for (const path of ['/healthz', '/readyz', '/problems/api-key-missing'])
      expect((await call('GET', path)).status).toBe(200)
  })

  it('takes the same idempotency key from every caller for the same payment', async () => {
    const [first, second] = [await createKey('write'), await createKey('write')]
    const body = { amount: 5, idempotency_key: 'shared' }
    const ids = []
    for (const { token } of [first, second])
      ids.push(
        ((await (await call('POST', '/pay', token, body)).json()) as { payment_id: string }).payment_id,
      )

    expect(ids[0]).toBe(ids[1])
  })
})
