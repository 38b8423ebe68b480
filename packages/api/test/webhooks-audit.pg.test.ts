import { expect, onTestFinished, test } from 'vitest'
import { openTestApi } from './support/api.ts'

// F247
test('a change of an endpoint leaves a row in the audit record, with the key and without secrets', async () => {
  const guarded = await openTestApi({ withKeys: true })
  onTestFinished(guarded.close)
  const { key, token } = await guarded.keys.create({ name: 'the shop', scope: 'admin' })
  const send = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await guarded.request(path, { method, headers, ...init })
    return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>)
  }
  const made = await send('POST', '/webhook-endpoints', { url: 'https://example.com/hook?token=hush' })
  const id = String(made['endpoint_id'])
  const { delivery_id: delivery } = await send('POST', `/webhook-endpoints/${id}/test`)
  await send('POST', `/webhook-deliveries/${String(delivery)}/redeliver`)
  await send('POST', `/webhook-endpoints/${id}/redeliver`, {})
  await send('PATCH', `/webhook-endpoints/${id}`, { enabled: false })
  await send('POST', `/webhook-endpoints/${id}/rotate-secret`, {})
  await send('DELETE', `/webhook-endpoints/${id}`)
  await send('DELETE', `/webhook-endpoints/${id}`)
  await send('GET', '/webhook-endpoints')

  const rows = await guarded.sql`
    select action, target, outcome, operator, credential, is_proven from operator_actions order by id`
  const actor = { operator: 'the shop', credential: `API key ${key.id}`, is_proven: true }
  expect(rows).toEqual([
    { ...actor, action: 'webhook-endpoint.create', target: 'https://example.com', outcome: `created ${id}` },
    { ...actor, action: 'webhook-endpoint.test', target: id, outcome: `delivery ${String(delivery)}` },
    { ...actor, action: 'webhook.redeliver', target: delivery, outcome: '1 deliveries' },
    { ...actor, action: 'webhook.redeliver', target: id, outcome: '0 deliveries' },
    {
      ...actor,
      action: 'webhook-endpoint.update',
      target: id,
      outcome: 'changed: isEnabled; sends to https://example.com',
    },
    { ...actor, action: 'webhook-endpoint.rotate-secret', target: id, outcome: 'rotated' },
    { ...actor, action: 'webhook-endpoint.delete', target: id, outcome: 'deleted' },
    { ...actor, action: 'webhook-endpoint.delete', target: id, outcome: expect.stringMatching(/^failed: /) },
  ])
  expect(JSON.stringify(rows)).not.toContain('hush')
})
