import { expect, it } from 'vitest'
import { createTitanClient } from '../src/index.ts'
// The package does not export it.
import { operationsOf } from '../../api/src/routes/operations.ts'

it('has a method for every route of the document that programs call, and no other', async () => {
  const sent = new Set<string>()
  const titan = createTitanClient({
    baseUrl: 'http://127.0.0.1',
    async fetch(url, init) {
      sent.add(`${init?.method} ${(url as URL).pathname.replace('/x_1', '/{}')}`)
      return Response.json({ payment_id: 'pay_1', status: 'SUCCESS', data: [], next_cursor: null })
    },
  })
  await titan.pay({ amount: 1 })
  await titan.payBatch({ mode: 'all', payments: [{ amount: 1, idempotency_key: 'order-1' }] })
  for (const resource of Object.values(titan) as Record<
    string,
    (...args: readonly unknown[]) => Promise<unknown>
  >[])
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(resource)))
      if (!/^(constructor|listAll|allDeliveries)$/.test(name))
        await resource[name]?.(
          ...(name === 'list' || name === 'summary' ? [] : name === 'create' ? [{ url: '' }] : ['x_1']),
          {},
        )
  const documented = operationsOf({ sendsWebhooks: true, readsGateways: true })
    .filter(({ tag, id }) => tag !== 'Service' && tag !== 'Gateways' && id !== 'createPayment')
    // Lists have the same payments and refunds.
    .filter(({ id }) => !id.startsWith('export'))
    .map(({ method, path }) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`)
  expect([...sent].toSorted()).toEqual(documented.toSorted())
})
