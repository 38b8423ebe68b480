import { afterAll, expect, inject, test } from 'vitest'
import { ADMIN_TOKEN, formTokenOf, openRig, post, signIn, type Rig } from './support/rig.ts'

const servers = { databaseUrl: inject('databaseUrl'), redisUrl: inject('redisUrl') }
const API_KEY = 'Bearer a-key-that-may-read'
const rig = await openRig(servers)
const closed = await openRig({ ...servers, authorize: (header) => header === API_KEY })
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
  expect(await response.text()).toContain('This token is not known')
})

test('who is not signed in sees no button and can do nothing', async () => {
  expect(await rig.page('/')).not.toContain('form_token')
  const response = await post(rig, '/queues/payments/pause', { form_token: 'x' })
  expect(response.status).toBe(403)
  expect(await isPaused(rig)).toBe(false)
})

test('a session that was altered is none', async () => {
  const cookie = await signIn(rig)
  const [name, value = ''] = cookie.split('=')
  const [body = '', signature] = value.split('.')
  const session = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
  const forged = Buffer.from(JSON.stringify({ ...session, endsAt: 9e15 })).toString('base64url')
  expect(await rig.page('/', `${name}=${forged}.${signature}`)).not.toContain('Sign out')
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
  expect(await readOnly.page('/', await signIn(rig))).not.toContain('Sign out')
})

test('without an admin token nobody can act, and the page says why', async () => {
  expect(await readOnly.page('/')).toContain('Read-only')
  expect(await readOnly.page('/sign-in')).toContain('DASHBOARD_ADMIN_TOKEN')
  expect((await post(readOnly, '/sign-in', { name: 'Eve', secret: 'undefined' })).status).toBe(403)
})

test('where the API asks for keys, pages and points are shown to nobody without one', async () => {
  for (const path of ['/', '/series', '/payments', '/reviews', '/dead-letters', '/workers', '/audit']) {
    const response = await closed.request(path)
    expect(response.status, path).toBe(401)
    expect((await closed.request(path, { headers: { authorization: API_KEY } })).status, path).toBe(200)
  }
  const visit = await closed.request('/payments', { headers: { accept: 'text/html,*/*;q=0.8' } })
  expect(visit.headers.get('location')).toBe('/dashboard/sign-in')
})

test('who signs in with an API key sees and does not act', async () => {
  const cookie = await signIn(closed, API_KEY.replace('Bearer ', ''), 'Grace')
  const page = await closed.page('/', cookie)
  expect(page).toContain('Grace')
  expect(page).not.toContain('form_token')
  expect((await post(closed, '/queues/payments/pause', {}, { cookie })).status).toBe(403)
})

test('a sign-out ends the session in this browser', async () => {
  const cookie = await signIn(rig)
  const response = await post(rig, '/sign-out', {}, { cookie })
  expect(response.headers.get('set-cookie')).toMatch(/titan_dashboard=;.*Max-Age=0/)
})

test('a page without its database says so and shows the rest', async () => {
  const broken = await openRig(servers)
  try {
    await broken.loseDatabase()
    const page = await broken.page('/')
    expect(page).toContain('The payments cannot be read at the moment')
    expect(page).toContain('Oldest ready')
    expect((await broken.request('/payments/pay_1')).status).toBe(503)
    expect(broken.errors).not.toEqual([])
  } finally {
    await broken.close()
  }
})
