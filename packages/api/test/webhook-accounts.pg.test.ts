import { afterAll, expect, test } from 'vitest'
import { openTestApi } from './support/api.ts'

const api = await openTestApi({ withKeys: true })
afterAll(api.close)
await api.sql`insert into accounts (id, name) values ('acme', 'Acme')`

const tokens = {
  default: (await api.keys.create({ name: 'one', scope: 'admin' })).token,
  acme: (await api.keys.create({ name: 'other', scope: 'admin', account: 'acme' })).token,
}

const send = async (account: keyof typeof tokens, method: string, path: string, body?: object) => {
  const headers = { authorization: `Bearer ${tokens[account]}`, 'content-type': 'application/json' }
  const response = await api.request(path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
}

test('every webhook route answers an id of another account as it answers one that does not exist', async () => {
  const made = await send('acme', 'POST', '/webhook-endpoints', { url: 'https://acme.example/' })
  expect(made.status).toBe(201)
  const endpoint = String(made.body['endpoint_id'])
  const tested = await send('acme', 'POST', `/webhook-endpoints/${endpoint}/test`)
  const [delivery, event] = [String(tested.body['delivery_id']), String(tested.body['event_id'])]
  const own = { endpoint_id: endpoint, delivery_id: delivery, event_id: event }
  const none = { endpoint_id: 'we_0', delivery_id: 'dlv_999999', event_id: 'evt_0' }
  const at = (path: string, ids: Record<string, string>) =>
    path.replaceAll(
      /\{(\w+)\}|:(\w+)(?:\{[^}]*\})?/g,
      (_, one: string, other: string) => ids[one ?? other] ?? ids['endpoint_id'] ?? '',
    )

  const document = (await (await api.request('/openapi.json')).json()) as { paths: Record<string, object> }
  const paths = Object.entries(document.paths).filter(([path]) => /^\/webhook-.*\{/.test(path))
  const routes = paths.flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({ method: method.toUpperCase(), path })),
  )
  expect(routes.length).toBeGreaterThan(10)
  for (const { method, path } of routes) {
    const body = method === 'PATCH' ? { description: 'x' } : method === 'POST' ? {} : undefined
    const theirs = await send('default', method, at(path, own), body)
    const absent = await send('default', method, at(path, none), body)
    expect({ method, path, status: theirs.status }).toEqual({ method, path, status: 404 })
    expect({ ...theirs.body, instance: '', request_id: '' }).toEqual({
      ...absent.body,
      instance: '',
      request_id: '',
    })
  }
  expect((await send('acme', 'GET', `/webhook-endpoints/${endpoint}`)).status).toBe(200)
  for (const list of ['/webhook-endpoints', '/webhook-events']) {
    expect((await send('default', 'GET', list)).body['data']).toEqual([])
    expect((await send('acme', 'GET', list)).body['data']).toHaveLength(1)
  }
})
