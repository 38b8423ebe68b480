import { eventually } from '@titan/testkit'
import { afterAll, expect, it } from 'vitest'
import { findFreePort } from '@titan/servers'
import { isReady, openRig, PATIENT } from './support/rig.ts'
import { spawnProgram } from '@titan/testkit'

const rig = await openRig()
afterAll(() => rig.close())

it('tells Prometheus what it did, and nothing of the names of its workers', async () => {
  const port = await findFreePort()
  const flags = ['--health-port', String(port), '--consumer', 'odd.name:1', '--workers', '2']
  const worker = spawnProgram('worker', flags, {
    ...rig.env,
    GATEWAY_DELAY_MS: '1',
    WEBHOOK_ENCRYPTION_KEY: 'ab'.repeat(32),
  })
  await isReady(worker)
  const id = await rig.create('one')
  await rig.reaches(id, 'SUCCESS')

  const scrape = async (): Promise<string[]> => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    return (await response.text()).split('\n')
  }
  // What is counted follows the payment; what is read is shared for a moment.
  await eventually(async () => {
    const lines = await scrape()
    for (const line of [
      'titan_payments_settled_total{event="payment.succeeded",status="SUCCESS"} 1',
      'titan_payments{status="SUCCESS"} 1',
      'titan_payments_duration_seconds_count{status="SUCCESS"} 1',
      'titan_payments_relayed_total 1',
      'titan_gateway_calls_total{gateway="simulated",call="charge",outcome="succeeded"} 1',
      'titan_gateway_call_duration_seconds_count{gateway="simulated",call="charge"} 1',
      'titan_queue_job_ends_total{queue="payments",result="done"} 1',
      'titan_queue_job_duration_seconds_count{queue="payments"} 1',
      'titan_queue_job_wait_seconds_count{queue="payments"} 1',
      'titan_queue_job_starts_total{queue="webhooks"} 0',
      'titan_queue_jobs{queue="payments",state="ready"} 0',
      'titan_queue_jobs{queue="webhooks",state="dead"} 0',
      'titan_workers_alive{queue="payments"} 2',
      'titan_workers_alive{queue="webhooks"} 1',
      'titan_workers_dead{queue="payments"} 0',
      'titan_worker_unsettled_seconds{queue="payments"} 0',
      'titan_postgres_up 1',
      'titan_redis_up 1',
    ])
      expect(lines).toContain(line)
  }, PATIENT)
  expect((await scrape()).filter((line) => line.includes('odd.name'))).toEqual([])
  expect((await scrape()).filter((line) => line.includes(id))).toEqual([])
}, 120_000)
