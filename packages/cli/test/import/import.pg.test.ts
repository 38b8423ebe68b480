import { createMigratedDatabase } from '@titan/testkit/vitest'
import { createPaymentStore, replaceRoutes } from '@titan/payments'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runHere } from '../support/in-process.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)
const folder = mkdtempSync(join(tmpdir(), 'titan-import-'))
afterAll(() => rmSync(folder, { recursive: true }))
const env = { DATABASE_URL: url }

let count = 0
function write(text: string): string {
  const file = join(folder, `file-${++count}.csv`)
  writeFileSync(file, text)
  return file
}

async function importFile(file: string, ...args: readonly string[]) {
  return runHere(['payments', 'import', file, '--operator', 'ann', ...args], env)
}

const reportOf = (file: string) => readFileSync(`${file}.report.csv`, 'utf8').trimEnd().split('\r\n')

test('stores what can be, reports each line, and a repeat changes nothing', async () => {
  await store.create({ amount: 9, currency: 'EUR', idempotencyKey: 'taken' })
  const file = write(
    'idempotency_key;amount;currency\na;500;EUR\n@b;700;USD\nc;1.234;EUR\ntaken;9;EUR\na;501;EUR\n',
  )
  const first = await importFile(file)
  const report = reportOf(file)

  expect(first.code).toBe(1)
  expect(first.stdout).toContain('2 created, 3 refused')
  expect(first.stdout).toContain('new, in minor units: 500 EUR, 700 USD')
  expect(first.stderr).toContain('line 4: the amount "1.234" can be read in two ways')
  expect(report).toEqual([
    'line,idempotency_key,result,payment_id,reason',
    expect.stringMatching(/^2,a,created,pay_[0-9a-f]{32},$/),
    expect.stringMatching(/^3,'@b,created,pay_[0-9a-f]{32},$/),
    expect.stringMatching(/^4,c,refused,,"the amount/),
    // Its priority differs, because the file says none.
    expect.stringMatching(/^5,taken,refused,,idempotency-key-reused/),
    expect.stringMatching(/^6,a,refused,,idempotency-key-reused/),
  ])
  expect(statSync(`${file}.report.csv`).mode & 0o777).toBe(0o600)
  const [id = ''] = /pay_[0-9a-f]{32}/.exec(report[1] ?? '') ?? []
  expect(await store.get(id)).toMatchObject({ amount: 500, priority: 'low', status: 'PENDING' })
  expect(await store.events(id)).toMatchObject([{ actor: 'operator:ann' }])

  const again = await importFile(file)
  expect(again.stdout).toContain('2 replayed, 3 refused')
  expect(reportOf(file).map((line) => line.replace('replayed', 'created'))).toEqual(report)
  expect(await sql`select action, operator, outcome from operator_actions order by id`).toMatchObject([
    { action: 'payments.import', operator: 'ann', outcome: '2 created, 3 refused' },
    { action: 'payments.import', operator: 'ann', outcome: '2 replayed, 3 refused' },
  ])
})

test('nothing of a file is stored when a line far below shows that its amounts are in another form', async () => {
  const rows = Array.from({ length: 600 }, (_, index) => `form-${index},13,EUR`)
  const file = write(`idempotency_key,amount,currency\n${rows.join('\n')}\nform-600,12.50,EUR\n`)
  const { code, stderr } = await importFile(file)
  expect(code).not.toBe(0)
  expect(stderr).toContain('line 602: the amount "12.50" is no whole number of minor units')
  expect((await store.page({ idempotencyKey: 'form-0' })).payments).toEqual([])
})

test('a dry run stores nothing and finds keys that come twice, also far apart', async () => {
  const rows = Array.from({ length: 600 }, (_, index) => `dry-${index},5,EUR`)
  const file = write(`idempotency_key,amount,currency\n${rows.join('\n')}\ndry-0,6,EUR\n`)
  const { code, stdout } = await importFile(file, '--dry-run', '--json')
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({ valid: 600, created: 0, refused: 1, amounts: { EUR: 3_000 } })
  expect((await store.page({ idempotencyKey: 'dry-0' })).payments).toEqual([])
})

test('JSON in a cell loses nothing silently: members given twice and digits', async () => {
  const cells = ['{""a"":""1"",""a"":""2""}', '{""a"":9007199254740993}', '{""a"":""1""}']
  const rows = cells.map((cell, index) => `json-${index},5,"${cell}"`)
  const file = write(`idempotency_key,amount,metadata\n${rows.join('\n')}\n`)
  expect(await importFile(file)).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('1 created, 2 refused'),
  })
  const [, twice, digits] = reportOf(file)
  expect(twice).toContain('metadata/a is given twice')
  expect(digits).toContain('metadata/a has more digits than a number can carry exactly')
})

test('a summary takes no time that PostgreSQL does not have', async () => {
  expect(await runHere(['payments', 'summary', '--since', '0000-01-01'], env)).toMatchObject({ code: 2 })
})

test('an account is named, and must exist', async () => {
  const file = write('idempotency_key,amount\nof-shop,5\n')
  expect(await importFile(file, '--account', 'shop')).toMatchObject({ code: 2 })
  await sql`insert into accounts (id, name) values ('shop', 'Shop')`
  expect(await importFile(file, '--account', 'shop')).toMatchObject({ code: 0 })
  expect((await store.page({ account: 'shop' })).payments).toMatchObject([{ idempotencyKey: 'of-shop' }])
})

test('no other file is replaced by a report, and a file that cannot be read is named', async () => {
  const file = write('idempotency_key,amount\nx,5\n')
  const answer = await importFile(file, '--report', file)
  expect(answer).toMatchObject({ code: 2, stderr: expect.stringContaining('is no report') })
  expect(readFileSync(file, 'utf8')).toContain('x,5')
  expect(await importFile(join(folder, 'none.csv'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('cannot read'),
  })
  expect(await importFile(folder)).toMatchObject({ code: 2 })
})

test.each(['csv', 'jsonl'])(
  'an export as %s is read back without a loss: every line is a replay',
  async (format) => {
    const account = `back-${format}`
    await sql`insert into accounts (id, name) values (${account}, 'Read back')`
    const said = {
      paymentMethod: { stripe: 'pm_1' },
      customer: '+cus',
      reference: "'=1;-2",
      description: 'two, "chairs"',
      metadata: { cart: '-17', note: 'a,=b' },
      capture: 'manual',
      customerPresent: true,
      returnUrl: 'https://shop.example/back',
      executeAt: new Date('2026-01-01T00:00:00Z'),
    } as const
    await store.create({ account, amount: 500, currency: 'EUR', idempotencyKey: '=key', ...said })
    await store.create({ account, amount: 7, idempotencyKey: '-2', priority: 'high' })
    const exported = await runHere(['payments', 'export', '--account', account, '--format', format], env)
    const again = await importFile(write(exported.stdout), '--account', account, '--json')
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(again.stdout)).toMatchObject({ replayed: 2, created: 0, refused: 0 })
  },
)

test('a summary keeps currencies apart, and refunds are exported', async () => {
  await sql`insert into accounts (id, name) values ('sums', 'Sums')`
  for (const [amount, currency] of [
    [5, 'EUR'],
    [6, 'EUR'],
    [7, 'USD'],
  ] as const)
    await store.create({ account: 'sums', amount, currency, idempotencyKey: `${amount}` })
  const { stdout } = await runHere(['payments', 'summary', '--account', 'sums', '--json'], env)
  expect(JSON.parse(stdout)).toMatchObject({
    timeZone: 'UTC',
    rows: [
      { currency: 'EUR', status: 'PENDING', gateway: null, payments: 2, amount: 11 },
      { currency: 'USD', payments: 1, amount: 7 },
    ],
  })
  expect(await runHere(['payments', 'summary', '--time-zone', 'Mars'], env)).toMatchObject({ code: 2 })
  expect((await runHere(['refunds', 'export'], env)).stdout).toMatch(/^refund_id,payment_id,/)
})

test('a plain token belongs to the first gateway of its route at the time of the import', async () => {
  const file = write('idempotency_key,amount,currency,payment_method\nt-1,500,USD,pm_1\nt-2,500,EUR,pm_2\n')
  await replaceRoutes(sql, [{ currency: 'EUR', gateways: ['stripe'] }])
  const several = { ...env, GATEWAYS: 'simulated,stripe' }
  expect((await runHere(['payments', 'import', file, '--operator', 'ann'], several)).code).toBe(0)
  const gateways = await sql`
    select token_gateway as gateway from payments where token_gateway is not null order by idempotency_key`
  expect(gateways).toEqual([{ gateway: 'simulated' }, { gateway: 'stripe' }])
})

test('what no gateway of the mode of the account could take is refused, and a repeat stays one', async () => {
  await sql`insert into accounts (id, name, mode) values ('live', 'Live', 'live')`
  const stored = write('idempotency_key,amount\nm-1,500\n')
  await importFile(stored, '--account', 'live')
  const file = write('idempotency_key,amount\nm-1,500\nm-2,500\n')
  const args = ['payments', 'import', file, '--operator', 'ann', '--account', 'live']
  const { stdout, stderr } = await runHere(args, { ...env, GATEWAYS: 'simulated' })
  expect(stdout).toContain('1 replayed, 1 refused')
  expect(stderr).toContain('line 3: account-mode-mismatch')
})
