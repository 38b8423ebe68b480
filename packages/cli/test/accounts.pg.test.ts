import { createApiKeyStore } from '@titan/api/keys'
import { createPaymentStore } from '@titan/payments'
import { sectionsOf } from '@titan/service'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/commands.ts'
import { runHere } from './support/in-process.ts'

const { sql, url } = await createMigratedDatabase()
const env = { DATABASE_URL: url }
/** What the output about each account must have, and that about another one must not. */
const words = new Map<string, string[]>()

/** Ends a payment as a worker does. */
async function succeed(id: string): Promise<void> {
  await sql`
    update payments set status = 'PROCESSING', fence = 1, claimed_fence = 1, account_fence = 1, event_seq = event_seq + 1,
           attempt_no = 1, attempt_open = true, gateway = 'simulated'
     where id = ${id}`
  await sql`
    update payments set status = 'SUCCESS', attempt_open = false, event_seq = event_seq + 1, gateway_ref = ${`ch_${id}`}
     where id = ${id}`
}

beforeAll(async () => {
  await sql`insert into accounts (id, name) values ('north', 'North'), ('south', 'South')`
  const store = createPaymentStore(sql)
  for (const account of ['default', 'north']) {
    const created = await store.create({ account, idempotencyKey: `paid-by-${account}`, amount: 500 })
    if (!('payment' in created)) throw new Error(created.kind)
    const { id: paymentId } = created.payment
    await succeed(paymentId)
    const refund = { kind: 'refund', paymentId, amount: 1, idempotencyKey: `refund-by-${account}` } as const
    if (!('movement' in (await store.createMovement(refund)))) throw new Error('no refund')
    await createApiKeyStore(sql).create({ name: `key-of-${account}`, account, scope: 'read' })
    words.set(account, [`paid-by-${account}`, `refund-by-${account}`, `key-of-${account}`])
  }
})

const flagsOf = (command: (typeof COMMANDS)[number]) =>
  sectionsOf(command).flatMap(({ settings }) => settings.flatMap(({ flag }) => flag ?? []))
const lists = COMMANDS.filter(({ name }) => name.endsWith(' list'))
/** Lists of what belongs to no account, and one that is of the accounts that it names. */
const OF_NO_ACCOUNT = new Set([
  'titan dlq list',
  'titan operators list',
  'titan gateways list',
  'titan accounts list',
  'titan accounts credentials list',
])
const ofAccounts = lists.filter(({ name }) => !OF_NO_ACCOUNT.has(name))

it('every list of what belongs to accounts has a filter for one', () => {
  expect(
    ofAccounts.filter((command) => !flagsOf(command).includes('account')).map(({ name }) => name),
  ).toEqual([])
})

describe.each(ofAccounts)('$name', ({ name }) => {
  const list = async (...args: string[]) =>
    (await runHere([...name.split(' ').slice(1), ...args], env)).stdout

  it.each([[[]], [['--json']]])('shows nothing of another account with --account %j', async (form) => {
    for (const [account, own] of words) {
      const shown = await list('--account', account, ...form)
      expect(own.filter((word) => shown.includes(word))).toHaveLength(1)
      const others = [...words].flatMap(([other, all]) => (other === account ? [] : all))
      expect(others.filter((word) => shown.includes(word))).toEqual([])
    }
    const all = [...words.values()].flat()
    const [none, every] = [await list('--account', 'south', ...form), await list(...form)]
    expect(all.filter((word) => none.includes(word))).toEqual([])
    expect(all.filter((word) => every.includes(word))).toHaveLength(words.size)
  })
})

it('makes a key of an account, and none of one that does not exist', async () => {
  const made = await runHere(['keys', 'create', 'shop', '--account', 'north'], env)
  expect(made).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^key \w+, scope read, account north, /),
  })
  expect(await runHere(['keys', 'create', 'shop', '--account', 'nowhere'], env)).toMatchObject({
    code: 2,
    stderr: 'titan keys create: there is no account "nowhere": see titan accounts list\n',
  })
  expect((await runHere(['keys', 'create', 'shop', '--account', 'No Where'], env)).code).toBe(2)
})
