import { connectionName, openDatabase } from '@titan/payments'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { expect, onTestFinished, test } from 'vitest'
import { readJson, runHere } from './support/in-process.ts'

const { sql, url } = await createMigratedDatabase()
const env = { DATABASE_URL: url }

const run = (...words: readonly string[]) => runHere(['gateways', ...words], env)

test('a gateway is stopped and started once, with a row of audit for each act', async () => {
  expect(await run('list')).toMatchObject({ code: 0, stdout: 'no gateways: no worker is connected\n' })
  const worker = openDatabase(url, {
    poolSize: 1,
    applicationName: connectionName('titan-worker', ['stripe', 'acme']),
  })
  onTestFinished(() => worker.end())
  await worker`select 1`
  expect(await run('stop', 'stripe', '--operator', 'ann', '--reason', 'incident 7')).toMatchObject({
    code: 0,
    stdout: 'stopped\n',
    stderr: '',
  })
  expect(await run('stop', 'stripe', '--operator', 'bob')).toMatchObject({
    code: 0,
    stdout: 'it was stopped already\n',
  })
  expect(await run('stop', 'adyen', '--operator', 'ann')).toMatchObject({
    stderr: expect.stringContaining('no connected worker names the gateway adyen'),
  })
  expect(await readJson(['gateways', 'list'], env)).toMatchObject({
    gateways: [
      { gateway: 'acme', stoppedAt: null, connections: 1 },
      { gateway: 'adyen', stoppedBy: 'ann', connections: 0 },
      { gateway: 'stripe', stoppedBy: 'ann', reason: 'incident 7', connections: 1 },
    ],
  })
  const { stdout } = await run('list')
  expect(stdout).toMatch(/^acme +active/m)
  expect(stdout).toMatch(/^stripe +stopped .* ann +incident 7$/m)
  expect(await run('start', 'stripe', '--operator', 'bob')).toMatchObject({ code: 0, stdout: 'started\n' })
  expect(await run('start', 'stripe', '--operator', 'bob')).toMatchObject({
    code: 1,
    stdout: 'it was not stopped\n',
  })
  expect(await sql`select action, target, operator, outcome from operator_actions order by id`).toMatchObject(
    [
      { action: 'gateway.stop', target: 'stripe', operator: 'ann', outcome: 'stopped' },
      { action: 'gateway.stop', target: 'stripe', operator: 'bob', outcome: 'it was stopped already' },
      { action: 'gateway.stop', target: 'adyen', operator: 'ann', outcome: 'stopped' },
      { action: 'gateway.start', target: 'stripe', operator: 'bob', outcome: 'started' },
      { action: 'gateway.start', target: 'stripe', operator: 'bob', outcome: 'it was not stopped' },
    ],
  )
})

test('the name of a gateway is needed', async () => {
  for (const words of [['stop'], ['start'], ['stop', 'Stripe!']])
    expect(await run(...words, '--operator', 'ann')).toMatchObject({ code: 2 })
})
