import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { startRedisCluster, startSentinelTrio, type TopologyNode } from '@titan/servers/topologies'
import { textOf } from '@titan/queue-core/text-of'
import { createLog, createRedis, withSentinelLogin, type Log } from '@titan/service'
import {
  eventually,
  spawnProgram,
  spawnScript,
  TEST_CERTIFICATE,
  TEST_KEY,
  testPrefix,
  type SpawnedProgram,
} from '@titan/testkit'
import { createFolder } from '@titan/testkit/vitest'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { isReady, openRig, PATIENT, type Rig } from './support/rig.ts'

const TITAN = new URL('../../cli/src/cli.ts', import.meta.url)
const LOGIN = { username: 'titan', password: 'p@ss/w:rd' }
const SENTINEL_LOGIN = { username: 'watcher', password: 'of&all=' }
const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })

setDefaultCACertificates([...getCACertificates(), TEST_CERTIFICATE])
let rig: Rig
beforeAll(async () => {
  rig = await openRig()
})
afterAll(() => rig.close())

function writeCertificate(folder: string) {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFileSync(certFile, TEST_CERTIFICATE)
  writeFileSync(keyFile, TEST_KEY)
  return { certFile, keyFile, caFile: certFile }
}

type Env = Readonly<Record<string, string>>

/** An API and a worker on one Redis, which pay. */
async function startPrograms(redisEnv: Env, caFile: string) {
  const shared = { ...rig.env, ...redisEnv, QUEUE_PREFIX: testPrefix(), NODE_EXTRA_CA_CERTS: caFile }
  const env = { ...shared, PORT: '0', GATEWAY_DELAY_MS: '5', HEALTH_PORT: '0' }
  const programs = [spawnProgram('api', [], env), spawnProgram('worker', [], env)] as const
  onTestFinished(() => Promise.all(programs.map((program) => program.kill())).then(() => undefined))
  await Promise.all(programs.map(isReady))
  const [, url = ''] = await programs[0].waitFor(/(http:\/\/\S+?)\/?(?:\s|$)/)
  let paid = 0
  return {
    programs,
    env,
    async pay() {
      const response = await fetch(`${url}/pay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ amount: 5, idempotency_key: `${env.QUEUE_PREFIX}-${(paid += 1)}` }),
      })
      expect(response.status).toBe(202)
      const { payment_id: id } = (await response.json()) as { readonly payment_id: string }
      await rig.reaches(id, 'SUCCESS')
    },
    isRedisReady: async () =>
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ checks: { redis: 'up' } }),
  }
}

/** The commands of operators find it, and a check of the worker. */
async function areAccepted(env: Env): Promise<void> {
  const source = ['--source', 'none', '--bullmq-prefix', '{bull}', '--dry-run']
  const runs = [
    spawnProgram('worker', ['--check'], env),
    spawnScript(TITAN, ['doctor', '--json'], env),
    spawnScript(TITAN, ['recover', '--dry-run'], env),
    spawnScript(TITAN, ['import-bullmq', ...source], env),
  ]
  const texts = await Promise.all(runs.map((run) => run.exited.then(() => run.stdout() + run.stderr())))
  expect(texts).toEqual([
    expect.stringMatching(/Redis at \S+,\S+ is ready/),
    expect.stringMatching(/"redis.reached","severity":"ok".*"redis.role","severity":"ok"/),
    expect.stringMatching(/^0 jobs would be added/),
    expect.stringContaining('no BullMQ queue {bull}:none'),
  ])
}

/** Each outage was told once, none without its end, and nothing was thrown past a handler. */
function tellsOutages(program: SpawnedProgram): void {
  const events = [...program.stderr().matchAll(/"event":"redis\.(\w+)"/g)].map(([, event]) => event)
  expect(events).toEqual(events.map((_event, index) => (index % 2 === 0 ? 'disconnected' : 'reconnected')))
  expect(program.stderr()).not.toMatch(/^\s+at /m)
  expect(program.process.exitCode).toBe(null)
  for (const { password } of [LOGIN, SENTINEL_LOGIN]) {
    expect(program.stderr()).not.toContain(password)
    expect(program.stderr()).not.toContain(encodeURIComponent(password))
  }
}

async function withFrozen(node: TopologyNode, work: () => Promise<void>): Promise<void> {
  node.freeze()
  try {
    await work()
  } finally {
    node.thaw()
  }
}

/** The reason that is logged while Redis cannot be used. */
function reasonOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    const warn: Log['warn'] = (event, _message, fields) => {
      if (event === 'redis.disconnected') resolve(textOf(fields?.['error']))
    }
    const redis = createRedis(url, { ...log, warn })
    onTestFinished(() => redis.close())
    redis.connect().catch(() => undefined)
  })
}

// F330 all Sentinels end and come back, they hand over, the primary freezes: API and worker go on with the
//  primary that they name, and say each outage once
// F331 a Sentinel that refuses the password, Sentinels that do not know the master, a server in their place:
//  one sentence that names it, and none where another Sentinel knows
test('programs pay behind Sentinels, with TLS and both logins', { timeout: 180_000 }, async () => {
  const folder = createFolder()
  const tls = writeCertificate(folder)
  const trio = await startSentinelTrio(folder, { login: LOGIN, sentinelLogin: SENTINEL_LOGIN, tls })
  onTestFinished(() => trio.stop())
  const { env, pay, programs, isRedisReady } = await startPrograms(
    {
      REDIS_URL: trio.url,
      SENTINEL_USERNAME: SENTINEL_LOGIN.username,
      SENTINEL_PASSWORD: SENTINEL_LOGIN.password,
    },
    tls.caFile,
  )
  const check = spawnProgram('worker', ['--check'], env)
  await Promise.all([pay(), check.waitFor(/Redis at \S+,\S+ is ready/)])

  for (const sentinel of trio.sentinels) await sentinel.kill()
  await pay()
  await Promise.all(trio.sentinels.map((sentinel) => sentinel.start()))
  const old = await trio.primary()
  await eventually(() => trio.sentinels[0]?.send('SENTINEL', 'FAILOVER', trio.masterName), PATIENT)
  await eventually(async () => expect(await trio.primary()).not.toBe(old), PATIENT)
  await eventually(() => programs.every((program) => /redis\.reconnected/.test(program.stderr())), PATIENT)
  await pay()
  await withFrozen(await trio.primary(), pay)
  await eventually(isRedisReady, PATIENT)
  for (const program of programs) tellsOutages(program)

  const url = (edit: string, password = SENTINEL_LOGIN.password): string =>
    withSentinelLogin(edit, SENTINEL_LOGIN.username, password)
  const node = trio.nodes[0]?.port ?? 0
  const atServer = `rediss+sentinel://127.0.0.1:${node}/mymaster`
  const reasons = [
    reasonOf(url(trio.url.replace('mymaster', 'other'))),
    reasonOf(url(trio.url, 'wrong')),
    reasonOf(withSentinelLogin(atServer, LOGIN.username, LOGIN.password)),
  ]
  expect(await Promise.all(reasons)).toEqual([
    expect.stringMatching(
      /^no Sentinel names the master: 127\.0\.0\.1:\d+ knows no master of the name "other"; /,
    ),
    expect.stringMatching(/no Sentinel names the master: .* WRONGPASS/),
    expect.stringMatching(/is not a Sentinel, but a server/),
  ])
  const mixed = createRedis(url(trio.url.replace('127.0.0.1', `127.0.0.1:${node},127.0.0.1`)), log)
  onTestFinished(() => mixed.close())
  await mixed.connect(10_000)
  await expect(mixed.send('key', ['SET', 'key', 'value'])).resolves.toBe('OK')
})

// F332 a master of a cluster hands over, one freezes: API and worker go on with its replica
test('programs pay on a cluster, with TLS and a login', { timeout: 180_000 }, async () => {
  const folder = createFolder()
  const tls = writeCertificate(folder)
  const cluster = await startRedisCluster(folder, { login: LOGIN, tls })
  onTestFinished(() => cluster.stop())
  const { env, pay, programs, isRedisReady } = await startPrograms({ REDIS_URL: cluster.url }, tls.caFile)
  await Promise.all([pay(), areAccepted(env)])

  const key = `${env.QUEUE_PREFIX}:{payments}:jobs`
  await cluster.failover(await cluster.masterOf(key))
  await pay()
  await withFrozen(await cluster.masterOf(key), pay)
  await eventually(isRedisReady, PATIENT)
  for (const program of programs) tellsOutages(program)
})

test('a single server is no cluster', async () => {
  const redis = createRedis(inject('redisUrl').replace('redis:', 'redis+cluster:'), log)
  onTestFinished(() => redis.close())
  await expect(redis.connect(60_000)).rejects.toThrow(
    /REDIS_URL must point at a cluster: \S+ is a single server, whose URL is redis:\/\//,
  )
})
