import { createWorker, UnrecoverableError } from '@titan/queue-core'
import { eventually } from '@titan/testkit'
import type { Payment } from '@titan/payments'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'
import { createWorld, type World } from './support/world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld(inject('databaseUrl'), inject('redisUrl'))
})
afterAll(() => world.close())

interface Page {
  readonly payments: readonly Payment[]
  readonly next: string | null
}

interface Shown {
  readonly payment: Payment
  readonly attempts: readonly unknown[]
  readonly events: readonly { readonly type: string }[]
  readonly deliveries: readonly unknown[]
  readonly job: { readonly state: string }
}

const list = (...args: readonly string[]): Promise<Page> =>
  readJson<Page>(['payments', 'list', ...args], world.env)
const show = (id: string): Promise<Shown> => readJson<Shown>(['payments', 'show', id], world.env)
const idsOf = ({ payments }: Page): string[] => payments.map(({ id }) => id)

describe('titan payments list', () => {
  it('lists payments, newest first, a page at a time', async () => {
    const first = await list('--limit', '5')
    const rest = await list('--after', first.next ?? '')

    expect([...idsOf(first), ...idsOf(rest)]).toEqual(Object.values(world.ids).toSorted().toReversed())
    expect(rest.next).toBeNull()
  })

  it('narrows them down', async () => {
    const { ids } = world
    expect(idsOf(await list('--status', 'queued'))).toEqual([ids.queued])
    expect(idsOf(await list('--review'))).toEqual([ids.parked])
    expect(idsOf(await list('--key', 'paid'))).toEqual([ids.paid])
    expect(idsOf(await list('--min-amount', '501'))).toEqual([])
    expect(idsOf(await list('--max-amount', '500', '--since', '1h'))).toHaveLength(9)
    expect(idsOf(await list('--until', '2020-01-01'))).toEqual([])
  })

  it('shows a table without asking Redis', async () => {
    const { DATABASE_URL = '' } = world.env
    const { code, stdout } = await runHere(['payments', 'list', '--status', 'FAILED'], { DATABASE_URL })

    expect(code).toBe(0)
    expect(stdout).toMatch(/^id +status +amount +currency +retries +created +failure +idempotency key$/m)
    expect(stdout).toMatch(new RegExp(`^${world.ids.canceled} +FAILED +500 `, 'm'))
  })

  it('refuses a status that is none', async () => {
    const { code, stderr } = await runHere(['payments', 'list', '--status', 'PAID'], world.env)
    expect(code).toBe(2)
    expect(stderr).toContain('--status must be one of PENDING, QUEUED, PROCESSING, SUCCESS, FAILED')
  })
})

describe('titan payments show', () => {
  it('shows payment, attempts and events', async () => {
    const { payment, attempts, events, deliveries, job } = await show(world.ids.secondTry)

    expect(payment).toMatchObject({ id: world.ids.secondTry, status: 'SUCCESS' })
    expect(attempts).toMatchObject([{ outcome: 'DECLINED' }, { outcome: 'SUCCEEDED' }])
    expect(events[0]?.type).toBe('payment.created')
    expect(events.at(-1)?.type).toBe('payment.succeeded')
    expect(deliveries).toEqual([])
    expect(job).toEqual({ id: world.ids.secondTry, state: 'none' })
  })

  it('shows the job that waits for a payment', async () => {
    const { ids } = world
    expect((await show(ids.queued)).job).toMatchObject({
      state: 'live',
      job: { state: 'ready', id: ids.queued, data: { payment_id: ids.queued } },
    })
    const { stdout } = await runHere(['payments', 'show', ids.queued], world.env)
    expect(stdout).toMatch(new RegExp(`^job in Redis +${ids.queued} is ready$`, 'm'))
  })

  it('shows webhook deliveries', async () => {
    const { sql, ids } = world
    await sql`insert into webhook_endpoints (id, url, secret) values ('whe_1', 'https://example.com/', 'x')`
    await sql`insert into webhook_events (id, type, payment_id, payload, at)
              values ('evt_1', 'payment.succeeded', ${ids.paid}, '{}', now())`
    await sql`insert into webhook_deliveries (event_id, endpoint_id, status, attempts, last_code)
              values ('evt_1', 'whe_1', 'FAILED', 3, 500)`

    expect((await show(ids.paid)).deliveries).toMatchObject([
      { type: 'payment.succeeded', endpointId: 'whe_1', status: 'FAILED', attempts: 3, lastCode: 500 },
    ])
    const { stdout } = await runHere(['payments', 'show', ids.paid], world.env)
    expect(stdout).toMatch(/payment\.succeeded +whe_1 +FAILED +3 +500 +-$/m)
  })

  it('finds the job of a payment among the dead letters', async () => {
    const { queue, redis, prefix, ids } = world
    await queue.cancel(ids.queued)
    await queue.enqueue('pay', { payment_id: ids.queued }, { id: ids.queued })
    const fail = (): never => {
      throw new UnrecoverableError('no')
    }
    const worker = createWorker(redis, 'payments', { pay: fail }, { prefix })
    await worker.start()
    await eventually(async () => expect((await queue.stats()).dead).toBe(1))
    await worker.stop()

    expect((await show(ids.queued)).job).toMatchObject({ state: 'dead', letter: { cause: 'unrecoverable' } })
  })

  // F146
  it('shows the late charge of a payment in review, and its refund', async () => {
    const { store, ids, env } = world
    const lateCharge = { kind: 'late_charge', paymentId: ids.pending, gateway: 'stripe' } as const
    const detail = { amount: 499, currency: 'USD' }
    await store.recordBreak({ ...lateCharge, reference: 'pi_late', detail })
    const open = await runHere(['payments', 'show', ids.pending], env)
    expect(open.stdout).toMatch(/^late charge +pi_late$/m)
    expect(open.stdout).toMatch(/^late_charge +stripe +pi_late +\d+ USD +499 USD +\S+ +- +-$/m)

    const evidence = { refundRef: 're_1', operator: 'ann', note: 'seen' }
    await store.recordRefund(ids.pending, { ...evidence, gatewayRef: 'pi_late' })
    const closed = await runHere(['payments', 'show', ids.pending], env)
    expect(closed.stdout).toMatch(/^late_charge +stripe +pi_late .*refunded by re_1: seen$/m)
  })

  it('ends with code 1 when there is none, and with 2 when none is named', async () => {
    const { code, stdout, stderr } = await runHere(['payments', 'show', 'pay_0'], world.env)
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'titan payments show: no such payment: pay_0\n',
    })
    expect((await runHere(['payments', 'show'], world.env)).code).toBe(2)
  })
})

describe('titan payments refund', () => {
  const evidence = ['--charge', 'pi_stray', '--refund', 're_1', '--note', 'ticket 4711, seen at the gateway']

  it('puts a refund on record once, and moves nothing that is over', async () => {
    const { store, ids } = world
    await store.recordBreak({
      kind: 'late_charge',
      paymentId: ids.canceled,
      gateway: 'stripe',
      reference: 'pi_stray',
      detail: {},
    })

    const done = await readJson(
      ['payments', 'refund', ids.canceled, ...evidence, '--operator', 'ann'],
      world.env,
    )
    expect(done).toEqual({ id: ids.canceled, effect: 'closed' })
    expect(await store.get(ids.canceled)).toMatchObject({ status: 'FAILED', failureCode: 'canceled' })
    expect(await store.breaks(ids.canceled)).toMatchObject([
      { refundRef: 're_1', resolvedBy: 'operator:ann' },
    ])

    // The answer may have been lost, so the same command may be repeated.
    const repeated = await readJson(['payments', 'refund', ids.canceled, ...evidence], world.env)
    expect(repeated).toEqual({ id: ids.canceled, effect: 'closed' })
    const other = ['--charge', 'pi_stray', '--refund', 're_2', '--note', 'ticket 4711, seen at the gateway']
    const again = await runHere(['payments', 'refund', ids.canceled, ...other], world.env)
    expect(again.code).toBe(1)
    expect(again.stdout).toContain('no open contradiction with this charge')
  })

  it('asks for all of the evidence', async () => {
    const { code, stderr } = await runHere(
      ['payments', 'refund', world.ids.canceled, '--charge', 'pi_stray'],
      world.env,
    )
    expect(code).toBe(2)
    expect(stderr.split('\n')).toEqual([
      'titan payments refund: --refund must be set',
      'titan payments refund: --note must be set',
      "Try 'titan payments refund --help'.",
      '',
    ])
  })
})
