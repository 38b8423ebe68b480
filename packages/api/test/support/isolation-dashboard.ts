import { createHash } from 'node:crypto'
import { createDashboard, DASHBOARD_PATH } from '@titan/dashboard'
import { Hono } from 'hono'
import { createLog } from '@titan/service'
import { vi } from 'vitest'
import { Cache } from '../../../dashboard/src/reads/cache.ts'
import { createAuthenticator } from '../../src/keys/authenticator.ts'
import type { Tenant, World } from './isolation-world.ts'
import { recordStatements } from './recorded.ts'

/** What came back, without what differs between two equal requests. */
export interface Page {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  readonly statements: readonly string[]
}

/** How a route of the dashboard is tried by an account's key with what another account has. */
export type Entry =
  /** Shows no data of any account. */
  | 'public'
  /** It does not exist for the key of an account. */
  | 'operators'
  /** It shows or moves what is the account's own. */
  | {
      /** Kinds of ids that its path takes. */
      readonly ids?: readonly string[]
      /** Kinds of values that each member of its query takes. */
      readonly queries?: Readonly<Record<string, readonly string[]>>
      /** The form that it takes. */
      readonly form?: Readonly<Record<string, string>>
    }

const PAYMENTS = ['payment_id', 'refund_id', 'capture_id', 'void_id']
const key = 'dashboard-1'

/** Every route; a new one fails the test until it is here. */
export const ENTRIES: Readonly<Record<string, Entry>> = {
  'GET /assets/:version/:name': 'public',
  'GET /sign-in': 'public',
  'POST /sign-in': 'public',
  'POST /sign-out': 'public',
  'GET /': {},
  'GET /payments': {
    queries: {
      q: [...PAYMENTS, 'idempotency_key'],
      reference: ['reference'],
      metadata: ['metadata'],
      charge: ['gateway_ref'],
      after: ['payment_id'],
      account: ['account'],
    },
  },
  'GET /payments/:id': { ids: PAYMENTS },
  'GET /refunds': { queries: { payment: ['payment_id'], after: ['refund_id'], account: ['account'] } },
  'GET /webhook-endpoints/:id': { ids: ['endpoint_id'] },
  'POST /webhook-deliveries/:id/redeliver': { ids: ['delivery_id'], form: { endpoint: 'we_0' } },
  'POST /payments/:id/refund': { ids: PAYMENTS, form: { key, amount: '0.01', reason: '' } },
  'POST /payments/:id/capture': { ids: PAYMENTS, form: { key, amount: '' } },
  'POST /payments/:id/void': { ids: PAYMENTS, form: { key } },
  'GET /series': 'operators',
  'GET /audit': 'operators',
  'GET /reviews': 'operators',
  'GET /dead-letters': 'operators',
  'GET /dead-letters/:queue/:letter': 'operators',
  'GET /workers': 'operators',
  'POST /queues/:queue/pause': 'operators',
  'POST /queues/:queue/resume': 'operators',
  'POST /queues/:queue/dead-letters/redrive': 'operators',
  'POST /queues/:queue/dead-letters/delete': 'operators',
  'POST /dead-letters/:queue/:letter/redrive': 'operators',
  'POST /dead-letters/:queue/:letter/delete': 'operators',
  'POST /payments/:id/resolve': 'operators',
  'POST /payments/:id/look-up': 'operators',
  'POST /payments/:id/refund-charge': 'operators',
  'GET /*': 'operators',
}

/** The dashboard of a world, without Redis. */
export function openDashboard(world: World) {
  let statements: string[] = []
  const sql = recordStatements(world.api.sql, (text) => statements.push(text))
  const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })
  const authenticator = createAuthenticator(world.api.keys, log)
  const unreachable = () => Promise.reject(new Error('There is no Redis'))
  const queue = { name: 'payments', stats: unreachable } as never
  const { app } = createDashboard({
    sql,
    queues: [{ queue, inspector: {} as never }],
    adminToken: undefined,
    authorize: (header) => authenticator.authenticate(header).catch(() => undefined),
    onError: () => undefined,
  })
  // Nothing is kept from one request for the next: otherwise only the first of two would send statements.
  const cache = vi.spyOn(Cache.prototype, 'get').mockImplementation((_key, read) => read())
  const mounted = new Hono().route(DASHBOARD_PATH, app)
  const routes = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path}`)

  async function request(method: string, path: string, init: RequestInit = {}): Promise<Page> {
    statements = []
    const response = await mounted.request(`${DASHBOARD_PATH}${path === '/' ? '' : path}`, {
      ...init,
      method,
    })
    const body = await response.text()
    return { status: response.status, body, headers: Object.fromEntries(response.headers), statements }
  }

  /** Submits a form as a browser does. */
  const post = (path: string, form: Readonly<Record<string, string>>, cookie = '') =>
    request('POST', path, {
      headers: { origin: 'http://localhost', 'sec-fetch-site': 'same-origin', cookie },
      body: new URLSearchParams({ ...form, form_token: formTokenOf(cookie) }),
    })
  return {
    /** Keeps for a second what was read, as the program does. */
    withCache: () => cache.mockRestore(),
    routes: [...new Set(routes)],
    request,
    post,
    get: (path: string, cookie: string) => request('GET', path, { headers: { cookie } }),
    /** Signs in with an API key; returns the cookie. */
    async signIn(token: string): Promise<string> {
      const { headers } = await post('/sign-in', { name: 'Grace', secret: token })
      return headers['set-cookie']?.split(';')[0] ?? ''
    },
  }
}

/** The token that the forms of a session carry, whether or not a page shows one. */
function formTokenOf(cookie: string): string {
  const value = cookie.slice(cookie.indexOf('=') + 1)
  return createHash('sha256').update(`form ${value}`).digest('base64url')
}

/** Returns what the asker can tell of the victim on one route. */
export async function pageLeaksOf(
  dashboard: ReturnType<typeof openDashboard>,
  {
    route,
    entry,
    cookie,
    victim,
  }: {
    readonly route: string
    readonly entry: Exclude<Entry, string>
    readonly cookie: string
    readonly victim: Tenant
  },
): Promise<readonly string[]> {
  const [method = '', path = ''] = route.split(' ')
  const leaks: string[] = []
  const ask = (asked: string) =>
    method === 'GET' ? dashboard.get(asked, cookie) : dashboard.post(asked, entry.form ?? {}, cookie)
  const expectNoTrace = (what: string, { body, headers }: Page, asked = ''): void => {
    const text = `${JSON.stringify(headers)}${body}`
    const word = victim.words.find((one) => !asked.includes(one) && text.includes(one))
    if (word !== undefined) leaks.push(`${what}: shows ${word}`)
  }
  const compare = async (what: string, foreign: string, pathOf: (value: string) => string): Promise<void> => {
    const unknown = unknownOf(foreign)
    const [found, missing] = [await ask(pathOf(foreign)), await ask(pathOf(unknown))]
    const [shown, expected] = [normalized(found, foreign), normalized(missing, unknown)]
    if (shown !== expected) leaks.push(`${what} ${foreign}: ${shown} instead of ${expected}`)
    expectNoTrace(what, found, foreign)
  }
  if (entry.ids === undefined) expectNoTrace(route, await ask(path))
  for (const kind of entry.ids ?? [])
    for (const id of valuesOf(victim, kind)) await compare(route, id, (value) => path.replace(':id', value))
  for (const [name, kinds] of Object.entries(entry.queries ?? {}))
    for (const value of kinds.flatMap((kind) => valuesOf(victim, kind)))
      await compare(
        `${route}?${name}`,
        value,
        (asked) => `${path}?${String(new URLSearchParams({ [name]: asked }))}`,
      )
  return leaks
}

function valuesOf(victim: Tenant, kind: string): readonly string[] {
  const values = kind === 'account' ? [victim.account] : (victim.ids.get(kind) ?? victim.values.get(kind))
  if (values === undefined || values.length === 0) throw new Error(`the account has no ${kind}`)
  return values
}

/** Returns an id or a word of the same form that nothing has. */
function unknownOf(value: string): string {
  if (/^dlv_\d+$/.test(value)) return 'dlv_999999999'
  return value.replace(/[\da-z](?=[^\da-z]*$)/, (last) => (last === '0' ? '1' : '0'))
}

function normalized({ status, headers, body, statements }: Page, asked: string): string {
  const page = JSON.stringify([status, headers, body, statements])
  // The word is on every page, and none repeats it.
  if (asked === 'default') return page
  return page
    .replaceAll(encodeURIComponent(asked), '<asked>')
    .replaceAll(asked, '<asked>')
    .replaceAll(/\d+ ms ago|just now|\d+ s ago/g, '<ago>')
}
