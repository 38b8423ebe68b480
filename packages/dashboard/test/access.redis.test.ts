import { eventually } from '@titan/testkit'
import { afterAll, expect, inject, test } from 'vitest'
import { createOperatorStore } from '../src/access/operators.ts'
import { addKey, ADMIN_TOKEN, formTokenOf, openRig, post, signIn, type Rig } from './support/rig.ts'
import { accept, bury, park } from './support/traffic.ts'

const servers = { databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') }
const rig = await openRig(servers)
const closed = await openRig({ ...servers, requiresKey: true })
const readOnly = await openRig({ ...servers, adminToken: undefined })
afterAll(async () => {
  for (const one of [rig, closed, readOnly]) await one.close()
})

async function isPaused({ queue }: Rig): Promise<boolean> {
  return (await queue.stats()).paused
}

test('the admin token opens a session whose cookie scripts and other sites never see', async () => {
  const response = await post(rig, '/sign-in', { name: 'Ada', secret: ADMIN_TOKEN })
  expect(response.status).toBe(303)
  const cookie = response.headers.get('set-cookie')
  expect(cookie).toContain('HttpOnly')
  expect(cookie).toContain('SameSite=Strict')
  expect(cookie).toContain('Path=/dashboard')
  expect(cookie).toContain('Max-Age=')
  expect(cookie).not.toContain(ADMIN_TOKEN)
  expect(await rig.page('/', cookie?.split(';')[0])).toContain('Sign out')
})

test('the cookie is for encrypted connections only where the page came over one', async () => {
  const secure = await post(
    rig,
    '/sign-in',
    { name: 'Ada', secret: ADMIN_TOKEN },
    { origin: rig.url.replace('http:', 'https:') },
  )
  expect(secure.headers.get('set-cookie')).toContain('Secure')
  const plain = await post(rig, '/sign-in', { name: 'Ada', secret: ADMIN_TOKEN })
  expect(plain.headers.get('set-cookie')).not.toContain('Secure')
})

test('a wrong token opens nothing', async () => {
  const response = await post(rig, '/sign-in', { name: 'Eve', secret: `${ADMIN_TOKEN}x` })
  expect(response.status).toBe(403)
  expect(response.headers.get('set-cookie')).toBeNull()
  expect(await response.text()).toContain('Unknown token')
})

test('who is not signed in sees no button and can do nothing', async () => {
  expect(await rig.page('/')).not.toContain('form_token')
  const response = await post(rig, '/queues/payments/pause', { form_token: 'x' })
  expect(response.status).toBe(403)
  expect(await isPaused(rig)).toBe(false)
})

test('a session that was altered or made up is none', async () => {
  const cookie = await signIn(rig)
  const altered = cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  for (const none of [
    altered,
    cookie.slice(0, -1),
    `${cookie}A`,
    'titan_dashboard=',
    `titan_dashboard=${'A'.repeat(43)}`,
  ])
    expect(await rig.page('/', none)).not.toContain('Sign out')
})

// F242 a viewer guesses the admin token offline from a session cookie: the cookie is random and depends on no
//  secret
test('a cookie is random and says nothing of the user, the role or the token', async () => {
  const [one, other] = [await signIn(rig), await signIn(rig)]
  expect(one).toMatch(/^titan_dashboard=[\w-]{43}$/)
  expect(other).not.toBe(one)
  const [row] = await rig.sql<{ text: string }[]>`
    select string_agg(s::text, ' ') as text from dashboard_sessions s`
  expect(row?.text).not.toContain(one.split('=')[1])
  expect(row?.text).not.toContain(ADMIN_TOKEN)
})

test('a form without the token of its session does nothing', async () => {
  const cookie = await signIn(rig)
  const others = await formTokenOf(rig, await signIn(rig))
  for (const fields of [{}, { form_token: '' }, { form_token: others }]) {
    const response = await post(rig, '/queues/payments/pause', fields, { cookie })
    expect(response.status).toBe(403)
  }
  expect(await isPaused(rig)).toBe(false)
})

test.each([
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: '' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
])('a form that was sent from elsewhere (%o) does nothing', async (headers) => {
  const cookie = await signIn(rig)
  const token = await formTokenOf(rig, cookie)
  const response = await post(rig, '/queues/payments/pause', { form_token: token }, { cookie, ...headers })
  expect(response.status).toBe(403)
  expect(await isPaused(rig)).toBe(false)
})

test('a session of another admin token is none', async () => {
  const cookie = await signIn(rig)
  await rig.sql`update dashboard_sessions set shared_token = '\\x00' || shared_token where ended_at is null`
  expect(await rig.page('/', cookie)).not.toContain('Sign out')
})

test('without an admin token only operators sign in, and the page says how', async () => {
  expect(await readOnly.page('/sign-in')).toContain('titan operators create')
  expect((await post(readOnly, '/sign-in', { name: 'Eve', secret: 'undefined' })).status).toBe(403)
  const made = await createOperatorStore(readOnly.sql).create('Grace Hopper')
  const cookie = await signIn(readOnly, made?.token, '')
  expect(await readOnly.page('/', cookie)).toContain('form_token')
})

// F245 a user types another person’s name: the audit row marks the name as unproven; an operator’s own token
//  proves it
test('an operator’s token proves the name, whatever name is typed', async () => {
  const made = await createOperatorStore(rig.sql).create('Ada Lovelace')
  const cookie = await signIn(rig, made?.token, 'Chief Risk Officer')
  expect(await rig.page('/', cookie)).toContain('Ada Lovelace')
  await post(rig, '/queues/payments/resume', { form_token: await formTokenOf(rig, cookie) }, { cookie })
  const rows = await rig.sql`
    select action, operator, credential, is_proven, outcome from operator_actions order by id desc limit 2`
  const actor = { operator: 'Ada Lovelace', credential: `operator ${made?.operator.id}`, is_proven: true }
  expect(rows).toMatchObject([
    { ...actor, action: 'queue.resume', outcome: 'resumed' },
    { ...actor, action: 'sign-in', outcome: 'signed in' },
  ])
  await eventually(async () => /Ada Lovelace<br/.test(await rig.page('/audit', cookie)))
})

// F245
test('a name that was only typed is recorded as unproven', async () => {
  const cookie = await signIn(rig, ADMIN_TOKEN, 'Chief Risk Officer')
  const [row] = await rig.sql`
    select operator, credential, is_proven from operator_actions order by id desc limit 1`
  expect(row).toEqual({ operator: 'Chief Risk Officer', credential: 'admin token', is_proven: false })
  await eventually(async () => /Chief Risk Officer [^]{0,80}unproven/.test(await rig.page('/audit', cookie)))
  expect((await post(rig, '/sign-in', { name: '', secret: ADMIN_TOKEN })).status).toBe(403)
})

// F241
test('a session ends with the operator’s token', async () => {
  const operators = createOperatorStore(rig.sql)
  const made = await operators.create('Mallory')
  const cookie = await signIn(rig, made?.token, '')
  expect(await rig.page('/', cookie)).toContain('Mallory')
  expect(await operators.revoke(made?.operator.id ?? '')).toBe(true)
  expect(await rig.page('/', cookie)).not.toContain('Mallory')
  expect((await post(rig, '/sign-in', { name: '', secret: made?.token ?? '' })).status).toBe(403)
  // The name is free for another token.
  expect(await operators.create('Mallory')).toBeDefined()
  expect(await operators.create('Mallory')).toBeUndefined()
})

test('where the API asks for keys, pages and points are shown to nobody without one', async () => {
  const authorization = `Bearer ${await addKey(closed, 'seer', 'admin')}`
  for (const path of ['/', '/series', '/payments', '/reviews', '/dead-letters', '/workers', '/audit']) {
    const response = await closed.request(path)
    expect(response.status, path).toBe(401)
    expect((await closed.request(path, { headers: { authorization } })).status, path).toBe(200)
  }
  const visit = await closed.request('/payments', { headers: { accept: 'text/html,*/*;q=0.8' } })
  expect(visit.headers.get('location')).toBe('/dashboard/sign-in')
})

test('who signs in with an API key sees and does not act', async () => {
  const cookie = await signIn(closed, await addKey(closed, 'viewer', 'read'), 'Grace')
  const page = await closed.page('/', cookie)
  expect(page).toContain('Grace')
  expect(page).not.toContain('form_token')
  expect((await post(closed, '/queues/payments/pause', {}, { cookie })).status).toBe(403)
})

test.each(['revoked_at = now()', `expires_at = now() - interval '1 second'`])(
  // F241 an API key is revoked or expires, an operator is revoked, a user signs out, while a dashboard
  //  session is open: the session ends at once, in every API process
  'a session ends with its API key (%s)',
  async (end) => {
    const id = await addKey(closed, `ends-${end.slice(0, 7)}`, 'read')
    const cookie = await signIn(closed, id, 'Grace')
    expect((await closed.request('/payments', { headers: { cookie } })).status).toBe(200)
    await closed.sql.unsafe(`update api_keys set ${end} where id = '${id}'`)
    for (const path of ['/', '/payments', '/series'])
      expect((await closed.request(path, { headers: { cookie } })).status, path).toBe(401)
  },
)

// F248 a `read` or `write` key opens the dashboard: no evidence, audit, raw jobs, workers, operators’ names
//  or idempotency keys
test('a key without the scope admin sees no evidence, no names, no keys and no raw jobs', async () => {
  const key = await addKey(closed, 'reader', 'read')
  const admin = await addKey(closed, 'owner', 'admin')
  const payment = await park(closed, 'shopA-order-4712', 1_000)
  const dead = await accept(closed, 'shopA-order-4713')
  await bury(closed, [{ paymentId: dead.id, error: 'boom' }])
  const [letter] = await closed.queue.deadLetters()
  await eventually(async () =>
    (await closed.page('/payments', await signIn(closed, key, 'Grace'))).includes(payment.id),
  )
  const paths = [
    '/audit',
    '/workers',
    '/reviews',
    '/dead-letters',
    '/payments?reference=a',
    '/payments?metadata=cart%3D17',
    '/payments?charge=ch_1',
    `/dead-letters/payments/${letter?.letterId}`,
  ]
  for (const [id, status] of [
    [key, 403],
    [await addKey(closed, 'writer', 'write'), 403],
    [admin, 200],
  ] as const) {
    const cookie = await signIn(closed, id, 'Grace')
    for (const path of paths) {
      expect((await closed.request(path, { headers: { cookie } })).status, path).toBe(status)
      const headers = { authorization: `Bearer ${id}` }
      expect((await closed.request(path, { headers })).status, path).toBe(status)
    }
    const links = await closed.page('/', cookie)
    expect(/href="\/dashboard\/(audit|reviews|dead-letters)/.test(links)).toBe(status === 200)
    for (const path of ['/payments', `/payments/${payment.id}`]) {
      const page = await closed.page(path, cookie)
      expect(page).toContain(payment.id)
      expect(page.includes('shopA-order-4712'), path).toBe(status === 200)
    }
    expect((await closed.page(`/payments/${payment.id}`, cookie)).includes('<dl class="evidence"')).toBe(
      status === 200,
    )
  }
})

// F241
test('a sign-out ends the session on the server, in every process', async () => {
  const cookie = await signIn(rig)
  const form_token = await formTokenOf(rig, cookie)
  const response = await post(rig, '/sign-out', {}, { cookie })
  expect(response.headers.get('set-cookie')).toMatch(/titan_dashboard=;.*Max-Age=0/)
  expect(await rig.page('/', cookie)).not.toContain('Sign out')
  expect((await post(rig, '/queues/payments/pause', { form_token }, { cookie })).status).toBe(403)
  expect(await isPaused(rig)).toBe(false)
})

test('a sign-in ends the session before it in the same browser', async () => {
  const cookie = await signIn(rig)
  await post(rig, '/sign-in', { name: 'Ada', secret: ADMIN_TOKEN }, { cookie })
  expect(await rig.page('/', cookie)).not.toContain('Sign out')
})

// F243 thousands of wrong tokens at the sign-in, in parallel and from many networks: 429 after ten failures
//  of a network and a hundred of all; one log line and one audit row a minute; successes do not count
test('failed sign-ins are limited for each network and for all, reported and recorded', async () => {
  let network = '192.0.2.1'
  const reports: { readonly count: number; readonly network: string }[] = []
  const one = await openRig({
    ...servers,
    networkOf: () => network,
    onRefusedSignIns: (report) => reports.push(report),
  })
  try {
    const guess = async (): Promise<number> =>
      (await post(one, '/sign-in', { name: 'Eve', secret: `${ADMIN_TOKEN}x` })).status
    const statuses = await Promise.all(Array.from({ length: 30 }, guess))
    expect(statuses.filter((status) => status === 403)).toHaveLength(10)
    const refused = await post(one, '/sign-in', { name: 'Ada', secret: ADMIN_TOKEN })
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)

    network = '192.0.2.2'
    // Successes do not count.
    for (let time = 0; time < 15; time += 1) expect(await signIn(one)).not.toBe('')
    const later: number[] = []
    for (let other = 3; other < 24; other += 1) {
      network = `192.0.2.${other}`
      later.push(...(await Promise.all(Array.from({ length: 10 }, guess))))
    }
    // No network had more than its ten.
    expect(later).toContain(429)

    expect(reports).toEqual([{ count: 1, network: '192.0.2.1' }])
    const [row] = await one.sql`
      select operator, target, outcome from operator_actions where operator = '(unknown)'`
    expect(row).toEqual({ operator: '(unknown)', target: 'dashboard, from 192.0.2.1', outcome: 'refused: 1' })
  } finally {
    await one.close()
  }
  expect(reports.reduce((sum, { count }) => sum + count, 0)).toBe(30 + 1 + 210)
})

// F243
test('sign-ins that succeed are limited as well, so the record stays bounded', async () => {
  const one = await openRig(servers)
  try {
    const statuses: number[] = []
    for (let time = 0; time < 100; time += 1)
      statuses.push((await post(one, '/sign-in', { name: 'Ada', secret: ADMIN_TOKEN })).status)
    expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 303))
    expect(statuses).toContain(429)
    const [count] = await one.sql<{ rows: number }[]>`select count(*)::int as rows from operator_actions`
    expect(count?.rows).toBeLessThan(100)
  } finally {
    await one.close()
  }
})

// F249 a proxy changes `Host`: with `TRUSTED_PROXIES` `X-Forwarded-Host` counts; without, the refusal says
//  what the proxy must pass on
test('behind a proxy that changes Host, the host that the browser asked counts', async () => {
  const proxied = await openRig({ ...servers, isBehindProxy: true })
  try {
    const form = { name: 'Ada', secret: ADMIN_TOKEN }
    const origin = 'https://dash.example.com'
    const forwarded = { origin, 'x-forwarded-host': 'dash.example.com:443' }
    expect((await post(proxied, '/sign-in', form, forwarded)).status).toBe(303)
    const evil = { origin, 'x-forwarded-host': 'evil.example' }
    expect((await post(proxied, '/sign-in', form, evil)).status).toBe(403)
    // Without a proxy the header is whatever the caller wrote.
    const refused = await post(rig, '/sign-in', form, forwarded)
    expect(refused.status).toBe(403)
    expect(await refused.text()).toContain('must pass the header Host')
  } finally {
    await proxied.close()
  }
})

test('a page without its database says so and shows the rest', async () => {
  const broken = await openRig(servers)
  try {
    await broken.loseDatabase()
    const page = await broken.page('/')
    expect(page).toContain('The payments cannot be read')
    expect(page).toContain('Oldest ready')
    expect((await broken.request('/payments/pay_1')).status).toBe(503)
    expect(broken.errors).not.toEqual([])
  } finally {
    await broken.close()
  }
})
