import { afterAll, expect, onTestFinished, test } from 'vitest'
import { openTestApi, type TestApi } from './support/api.ts'

const api = await openTestApi({ lists: { statementTimeoutMs: 1_000, maxInFlight: 5 } })
afterAll(() => api.close())

/** Holds a table against readers until the function is called. */
async function lockTable(table: string): Promise<() => Promise<void>> {
  const locked = Promise.withResolvers<void>()
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const holding = api.sql.begin(async (transaction) => {
    await transaction.unsafe(`lock table ${table} in access exclusive mode`)
    locked.resolve()
    await released
  })
  await locked.promise
  return async () => {
    release()
    await holding
  }
}

async function problemOf(api: TestApi, path: string): Promise<object> {
  const response = await api.request(path)
  return { status: response.status, ...((await response.json()) as object) }
}

// F143 more lists hang than the API reads at a time: payments are accepted; each list is answered 503 with
//  the reason
test('payments are accepted while more lists hang than the API reads at a time', async () => {
  const release = await lockTable('webhook_events')
  onTestFinished(release)
  const hanging = Array.from({ length: 40 }, () => problemOf(api, '/webhook-events'))
  const statuses = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const response = await api.pay({ amount: 500, idempotency_key: `beside-lists-${index}` })
      return response.status
    }),
  )
  expect(statuses).toEqual(Array(10).fill(202))
  const answers = await Promise.all(hanging)
  expect(answers.filter((answer) => 'code' in answer && answer.code === 'unavailable')).toHaveLength(40)
  const details = answers.map((answer) => ('detail' in answer ? answer.detail : ''))
  expect(details).toContain('Too many lists are being read.')
  expect(details).toContain('The list took longer than 1000 ms. Narrow it by time or status.')
})

// F143
test('lists are read again once those that hung have ended', async () => {
  for (const path of [
    '/payments',
    '/payments?min_amount=1',
    '/webhook-events',
    '/webhook-endpoints',
    '/payments?status=PROCESSING',
  ]) {
    const response = await api.request(path)
    expect(response.status).toBe(200)
  }
})
