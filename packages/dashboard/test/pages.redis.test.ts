import { html } from 'hono/html'
import { eventually } from '@titan/testkit'
import { afterAll, expect, inject, test } from 'vitest'
import { ago, paymentLink, table } from '../src/markup/parts.ts'
import { openRig } from './support/rig.ts'
import { finish } from './support/movements.ts'
import { accept, bury, park, startTraffic } from './support/traffic.ts'

const rig = await openRig({
  databaseUrl: inject('databaseUrl'),
  redisUrl: inject('redisUrl'),
  sampleIntervalMs: 100,
})
afterAll(() => rig.close())

/** The text of a page until it shows what is expected: what was read is shared for a second. */
async function pageWith(path: string, text: string | RegExp): Promise<string> {
  return eventually(async () => {
    const page = await rig.page(path)
    expect(page).toMatch(text)
    return page
  })
}

test('the overview counts the payments of each status and the jobs of each queue', async () => {
  await accept(rig, 'counted-1')
  await accept(rig, 'counted-2')
  await rig.queue.enqueue('pay', { payment_id: 'pay_none' }, { id: 'counted', delayMs: 60_000 })

  await pageWith('/', /id="total-PENDING"[^]*?class="figure">2</)
  await pageWith('/', /data-label="Delayed" class="number">\s*1\s*</)
  await rig.queue.cancel('counted')
})

// F152
test('the overview shows the backlog of webhooks that the queue does not hold, and endpoints that fail', async () => {
  await rig.sql`insert into webhook_endpoints (id, url, secret, failures) values ('we_1', 'https://example.com/', '\\x00', 4)`
  await rig.sql`
    insert into webhook_events (id, type, payload, at)
    select 'evt_' || i, 'payment.created', '{}', clock_timestamp() from generate_series(1, 1234) i`
  await rig.sql`
    insert into webhook_deliveries (event_id, endpoint_id, status, next_attempt_at)
    select id, 'we_1', 'PENDING', clock_timestamp() from webhook_events`
  const page = await pageWith('/', /Deliveries waiting[^]*?1,234/)
  expect(page).toMatch(/Webhook endpoints that fail: <strong>1<\/strong>/)
  await rig.sql`delete from webhook_events`
  await rig.sql`update webhook_endpoints set deleted_at = clock_timestamp(), secret = null`
})

test('a page allows no script but those of the dashboard, and no request to another host', async () => {
  const response = await rig.request('/')
  const policy = response.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const page = await response.text()
  expect(page).not.toMatch(/\son\w+=|style="/)
  expect([...page.matchAll(/(?:src|href)="(?!\/dashboard|#)([^"]*)"/g)].map(([, url]) => url)).toEqual([])
})

test('the files of the pages are kept by browsers until one of them changes', async () => {
  const page = await rig.page('/')
  const files = [...page.matchAll(/"(\/dashboard\/assets\/[^"]+)"/g)].map(([, url]) => url ?? '')
  expect(files.length).toBeGreaterThan(4)
  for (const file of files) {
    const response = await fetch(`${rig.url}${file}`)
    expect(response.status, file).toBe(200)
    expect(response.headers.get('cache-control')).toContain('immutable')
  }
})

test('a search finds a payment by its key, by its id and by its amount', async () => {
  const payment = await accept(rig, 'find-<me>', 123_456)
  await accept(rig, 'another', 77)

  const byKey = await rig.page(`/payments?q=${encodeURIComponent('find-<me>')}`)
  expect(byKey).toContain('find-&lt;me&gt;')
  expect(byKey).not.toContain('find-<me>')
  expect(byKey).not.toContain('another')
  const byId = await rig.request(`/payments?q=${payment.id}`)
  expect(byId.headers.get('location')).toBe(`/dashboard/payments/${payment.id}`)
  const byAmount = await rig.page('/payments?min=123456&max=123456')
  expect(byAmount).toContain('1,234.56 USD')
  expect(byAmount).not.toContain('another')
  expect(await rig.page('/payments?q=nobody')).toContain('No payment matches')
})

test('a search finds a payment by its reference, its metadata and the id of the gateway', async () => {
  const create = async (number: number) => {
    const answer = await rig.store.create({
      amount: 500,
      currency: 'USD',
      idempotencyKey: `said-${number}`,
      reference: `<order> ${number}`,
      metadata: { cart: `a=${number}` },
    })
    return 'payment' in answer ? answer.payment.id : ''
  }
  const [one, other] = [await create(71), await create(72)]
  await finish(rig, one, 'SUCCESS')
  const find = async (query: Readonly<Record<string, string>>) => {
    const page = await rig.page(`/payments?${new URLSearchParams(query).toString()}`)
    expect(page).not.toContain('<order>')
    return [one, other].filter((id) => page.includes(`id="row-${id}"`))
  }
  expect(await find({ reference: '<order> 7' })).toEqual([one, other])
  expect(await find({ reference: '<order> 7', metadata: 'cart=a=71' })).toEqual([one])
  expect(await find({ metadata: 'cart=a=7' })).toEqual([])
  expect(await find({ charge: `at_gateway_${one}` })).toEqual([one])
  expect(await find({ charge: `at_gateway_${one}`, reference: '<order> 72' })).toEqual([])
  expect(await find({ q: 'said-71', reference: '<order> 72' })).toEqual([])
  expect(await rig.page('/payments?reference=%3Corder')).toContain('value="&lt;order"')
  expect((await rig.request('/payments?metadata=cart')).status).toBe(400)
})

test('a search that makes no sense is refused with a page', async () => {
  const response = await rig.request('/payments?status=NONSENSE')
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('Bad request')
})

test('the list goes on where a page ended', async () => {
  for (let number = 1; number <= 51; number += 1) await accept(rig, `paged-${number}`)
  const first = await rig.page('/payments')
  const next =
    /rel="next" href="\/dashboard(\/payments\?after=pay_\w+)"|href="\/dashboard(\/payments\?after=pay_\w+)"/.exec(
      first,
    )
  const second = await rig.page(next?.[1] ?? next?.[2] ?? '/none')
  expect(first).toContain('paged-51')
  expect(second).not.toContain('paged-51')
  expect(second).toContain('paged-1<')
})

test('a payment shows its events with their evidence, and its attempts', async () => {
  const payment = await park(rig, 'parked-history', 990)
  const page = await rig.page(`/payments/${payment.id}`)
  expect(page).toContain('9.90 USD')
  expect(page).toContain('Accepted')
  expect(page).toContain('Held for review')
  expect(page).toContain(`titan_${payment.id}_1`)
  expect(page).toContain('Held for review')
  await pageWith('/reviews', payment.id)
})

// F256 a dead letter holds text that no link can hold; one row of a table cannot be shown: the page shows all
//  other rows, and says so in that one
test('a letter whose data no link can hold stands in the list with the others', async () => {
  const good = await accept(rig, 'beside-the-odd')
  const odd = ['\ud800', 'pay_\udfff', '../../etc', 'x'.repeat(5_000), '%', 'pay_\u0000']
  await bury(
    rig,
    [...odd, good.id].map((paymentId, at) => ({ paymentId, error: 'an odd one', jobId: `odd-${at}` })),
  )
  const page = await rig.page('/dead-letters?text=an+odd+one')
  expect(page).toContain(good.id)
  expect(page.match(/<tr id="row-/g)).toHaveLength(odd.length + 1)
  const ids = (await rig.queue.deadLetters({ count: 100 })).map(({ letterId }) => letterId)
  for (const id of ids) expect((await rig.request(`/dead-letters/payments/${id}`)).status, id).toBe(200)
  expect(rig.errors).toEqual([])
  await rig.queue.deleteDeadLetters(ids)
})

// F256
test('one row that cannot be shown leaves the others', async () => {
  const rows = ['good', 'bad', 'worse']
  const page = await table({
    caption: 'Rows',
    rows,
    rowId: (row) => {
      if (row === 'worse') throw new Error('no id')
      return row
    },
    empty: html``,
    columns: [
      { title: 'Sync', cell: (row) => (row === 'bad' ? paymentLink(undefined as never) : row) },
      { title: 'Async', cell: (row) => (row === 'worse' ? Promise.reject(new Error('late')) : row) },
      { title: 'When', cell: () => ago(new Date(Number.NaN)) },
    ],
  })
  expect(String(page)).toContain('good')
  expect(String(page).match(/cannot be shown/g)).toHaveLength(2)
  expect(String(page).match(/unknown/g)).toHaveLength(3)
})

test.each([
  ['/payments/%00', 404],
  ['/payments/pay_%00', 404],
  ['/%0d%0a/', 404],
  ['/%0d%0aset-cookie:x=1/', 404],
  ['/dead-letters/payments/%00', 404],
  ['/dead-letters/payments/abc', 404],
  ['/dead-letters/payments/9999999999999999999999-0', 404],
  ['/payments/%ff', 404],
  ['/payments/%ed%a0%80', 404],
  ['/payments?q=%00', 400],
  ['/dead-letters?text=%00', 400],
  ['/audit?before=%00', 400],
  ['/no/such/page/', 301],
  // F257 paths, searches and forms of the dashboard with control characters, broken UTF-8 or numbers beyond 64
  //  bits: 404, 400 or 422, and no error line
])('a path that strangers make up is no failure: %s', async (path, status) => {
  const failures = rig.errors.length
  const response = await rig.request(path)
  expect(response.status).toBe(status)
  expect(rig.errors.slice(failures)).toEqual([])
})

test('a payment that does not exist has a page that says so', async () => {
  const response = await rig.request('/payments/pay_nothing')
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('There is no such payment')
})

test('dead letters are filtered by a text, and shown with all that is known', async () => {
  const [one, other] = [await accept(rig, 'dead-1'), await accept(rig, 'dead-2')]
  await bury(rig, [
    { paymentId: one.id, error: 'the first <error>' },
    { paymentId: other.id, error: 'the second error' },
  ])
  const filtered = await rig.page('/dead-letters?text=FIRST')
  expect(filtered).toContain('the first &lt;error&gt;')
  expect(filtered).not.toContain('the second error')
  expect(await rig.page('/dead-letters?cause=timeout')).toContain('No dead letter matches')
  const [letter] = await rig.queue.deadLetters()
  const page = await rig.page(`/dead-letters/payments/${letter?.letterId}`)
  expect(page).toContain('Dead-lettered by')
  expect(page).toContain(one.id)
})

test('workers are listed with their jobs and leases, and the charts get points', async () => {
  const traffic = await startTraffic(rig, { delayMs: 400 })
  await pageWith('/workers', /worker-1:[^]*worker-2:/)
  await eventually(async () => {
    await accept(rig, crypto.randomUUID())
    expect(await rig.page('/workers')).toMatch(/ends in \d/)
    return true
  })
  await eventually(async () => {
    const { samples } = (await (await rig.request('/series')).json()) as {
      samples: { at: number; succeeded: number | null; p95Ms: number | null; ready: number | null }[]
    }
    expect(samples.some(({ succeeded, p95Ms }) => (succeeded ?? 0) > 0 && (p95Ms ?? 0) > 0)).toBe(true)
    expect(samples.some(({ ready }) => ready !== null)).toBe(true)
    const later = await rig.request(`/series?after=${samples.at(-1)?.at}`)
    expect(((await later.json()) as { samples: unknown[] }).samples.length).toBeLessThan(samples.length)
    return true
  })
  await traffic.stop()
})

test.each(['constructor', '__proto__', 'toString', 'nothing'])(
  'a page shows no notice for %j in its address',
  async (done) => {
    expect(await rig.page(`/?done=${done}`)).not.toContain('<p class="notice"')
  },
)
