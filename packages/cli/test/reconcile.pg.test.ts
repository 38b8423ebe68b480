import { startGatewaySimulator } from '@titan/gateway-simulator'
import {
  applyOutcome,
  createAccountStore,
  createPaymentStore,
  CredentialStore,
  type ComparisonReport,
} from '@titan/payments'
import { SecretBox } from '@titan/webhooks'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { onTerminal, runHere } from './support/in-process.ts'

const { sql, url } = await createMigratedDatabase()
const store = createPaymentStore(sql)

async function rig() {
  const folder = await mkdtemp(join(tmpdir(), 'titan-reconcile-'))
  const simulator = await startGatewaySimulator({ ledgerPath: join(folder, 'ledger.jsonl') })
  onTestFinished(async () => {
    await simulator.close()
    await rm(folder, { recursive: true, force: true })
  })
  const env = {
    DATABASE_URL: url,
    GATEWAY: 'stripe',
    STRIPE_SECRET_KEY: 'sk_test_titan',
    STRIPE_API_BASE: simulator.url,
  }

  /** Charges at the gateway under a key of ours, as a worker does. */
  async function chargeAt(paymentId: string, amount = 500): Promise<string> {
    const body = new URLSearchParams({
      amount: String(amount),
      currency: 'usd',
      confirm: 'true',
      payment_method: 'pm_card_visa',
      'allowed_payment_method_types[0]': 'card',
      'metadata[payment_id]': paymentId,
      'metadata[attempt]': '1',
      'metadata[gateway_key]': `titan_${paymentId}_1`,
    })
    const headers = { authorization: 'Bearer sk_test_titan' }
    const response = await fetch(`${simulator.url}/v1/payment_intents`, { method: 'POST', body, headers })
    return ((await response.json()) as { id: string }).id
  }

  async function settled(key: string, gatewayRef: (id: string) => Promise<string>, gateway = 'stripe') {
    const account = gateway.includes('@') ? 'acme' : 'default'
    const answer = await store.create({ amount: 500, idempotencyKey: key, account })
    if (answer.kind !== 'created') throw new Error('not created')
    const { id: paymentId } = answer.payment
    await store.claim(paymentId, { owner: 'w', leaseMs: 60_000, gateway })
    const outcome = {
      type: 'SUCCEEDED',
      gatewayRef: await gatewayRef(paymentId),
      amount: 500,
      currency: 'USD',
    } as const
    await applyOutcome({ paymentId, attemptNo: 1, gateway, outcome, actor: 'w' }, { store })
    return paymentId
  }
  return { env, chargeAt, settled, simulator }
}

const SPAN = ['--since', '1h', '--settle-ms', '0'] as const

test('finds what only one side has, at a gateway over HTTP, with a code and a bar', async () => {
  const { env, chargeAt, settled } = await rig()
  await settled('sound', chargeAt)
  expect(await runHere(['reconcile', ...SPAN], env)).toMatchObject({ code: 0 })
  const onlyHere = await settled('only-here', async () => 'pi_000000000000000000000000')
  await chargeAt(`pay_${'0'.repeat(32)}`)
  const shown = await onTerminal(() => runHere(['reconcile', '--gateway', 'stripe', ...SPAN], env))
  expect(shown.code).toBe(1)
  expect(shown.stdout).toMatch(/^differences +2, 2 of them new$/m)
  expect(shown.stdout).toMatch(new RegExp(`^missing_at_gateway +${onlyHere}`, 'm'))
  expect(shown.stdout).toMatch(/^missing_here +– +pi_\w+ +now$/m)
  const again = await runHere(['reconcile', ...SPAN, '--json'], env)
  expect(again.code).toBe(1)
  expect(JSON.parse(again.stdout) as ComparisonReport).toMatchObject({
    differences: 2,
    recorded: 0,
    compared: 2,
  })
})

test('says why it cannot compare, with code 2 and nothing written', async () => {
  const { env, simulator } = await rig()
  const refused = async (args: readonly string[], given: Readonly<Record<string, string>> = env) => {
    const run = await runHere(['reconcile', ...args], given)
    expect(run.code).toBe(2)
    return run.stderr
  }
  expect(await refused(['--gateway', 'adyen'])).toContain('GATEWAYS must name adyen with a list')
  expect(await refused([], { DATABASE_URL: url, GATEWAY: 'simulated' })).toContain(
    'GATEWAYS must name a gateway',
  )
  expect(await refused(['--since', '1m'])).toContain('--since must be earlier')
  await simulator.order({ on: 'inquiry', behaviours: ['401'], times: null })
  expect(await refused([...SPAN])).toContain('the gateway stripe cannot list its records')
})

test('compares a place with its own credentials', async () => {
  const { env, chargeAt, settled } = await rig()
  const key = Buffer.alloc(32, 7)
  await createAccountStore(sql).create({ id: 'acme', name: 'Acme', mode: null })
  const variables = { STRIPE_SECRET_KEY: env.STRIPE_SECRET_KEY }
  const credentials = new CredentialStore(sql, new SecretBox([key]))
  const place = await credentials.set({ account: 'acme', gateway: 'stripe', mode: 'test', variables })
  const lost = await settled('lost', async () => 'pi_111111111111111111111111', place)
  await settled('kept', chargeAt, place)
  // The key of the program is refused there.
  const own = { ...env, STRIPE_SECRET_KEY: 'sk_test_wrong', WEBHOOK_ENCRYPTION_KEY: key.toString('base64') }
  const run = await runHere(['reconcile', '--gateway', place, ...SPAN, '--json'], own)
  expect(JSON.parse(run.stdout)).toMatchObject({
    gateway: place,
    moved: 2,
    differences: 1,
    found: [{ kind: 'missing_at_gateway', paymentId: lost }],
  })
  expect(run.code).toBe(1)
  const redis = { REDIS_URL: 'redis://127.0.0.1:1' }
  const verified = await runHere(['verify', '--gateway', place, ...SPAN, '--no-redis'], { ...own, ...redis })
  expect(verified.stdout).toMatch(new RegExp(`^I02_success_is_charged +FAIL .*\\n +1 × .*: ${lost}$`, 'm'))
  const refused = async (at: string, given: Readonly<Record<string, string>>) =>
    (await runHere(['reconcile', '--gateway', at, ...SPAN], given)).stderr
  expect(await refused('stripe@acme.2', own)).toContain('there are no credentials stripe@acme.2')
  expect(await refused(place, env)).toContain('use WEBHOOK_ENCRYPTION_KEY and the settings of the workers')
  expect(await refused(place, { ...own, GATEWAY: 'adyen' })).toContain('GATEWAYS must name stripe')
})

test('a dispute and a closed difference breach no invariant', async () => {
  const { env, chargeAt, settled, simulator } = await rig()
  const disputed = await settled('disputed', chargeAt)
  await simulator.dispute({ payment: disputed, reason: 'fraudulent' })
  await runHere(['reconcile', ...SPAN], env)
  expect(await store.get(disputed)).toMatchObject({ status: 'SUCCESS', disputeStatus: 'needs_response' })
  await sql`update reconciliation_breaks set resolved_at = now(), resolved_by = 'reconciliation' where resolved_at is null`
  const redis = { REDIS_URL: 'redis://127.0.0.1:1' }
  const run = await runHere(['verify', '--no-redis', '--json'], { ...env, ...redis })
  const { findings } = JSON.parse(run.stdout) as { findings: { id: string; verdict: string }[] }
  expect(findings.filter(({ verdict }) => verdict === 'FAIL')).toEqual([])
})
