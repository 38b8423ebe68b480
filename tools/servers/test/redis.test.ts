import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../src/ports.ts'
import { provideRedis, startRedis, type RedisOptions, type RedisServer } from '../src/redis.ts'
import { createFolder } from './support/folder.ts'
import { takePort } from './support/port.ts'

async function start(options: RedisOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(async () => await server.stop())
  return server
}

async function ask(url: string, ...command: string[]): Promise<unknown> {
  const client = await createClient({ url, RESP: 2 }).connect()
  try {
    return await client.sendCommand(command)
  } finally {
    client.destroy()
  }
}

test('a server that was killed is started again on its port, with its data', async () => {
  const first = await start({ dataDir: createFolder(), args: ['--appendfsync', 'always'] })
  await ask(first.url, 'SET', 'greeting', 'hello')
  await first.kill()

  const second = await start({ dataDir: first.dataDir, port: first.port })

  expect(second.url).toBe(first.url)
  expect(await ask(second.url, 'GET', 'greeting')).toBe('hello')
})

test('a server without a folder persists nothing and leaves nothing', async () => {
  const server = await start({})
  expect(await ask(server.url, 'CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'no'])
  await server.stop()
  expect(existsSync(server.dataDir)).toBe(false)
})

test('a server with a folder persists, and never evicts', async () => {
  const server = await start({ dataDir: createFolder() })
  expect(await ask(server.url, 'CONFIG', 'GET', 'appendonly')).toEqual(['appendonly', 'yes'])
  expect(await ask(server.url, 'CONFIG', 'GET', 'maxmemory-policy')).toEqual([
    'maxmemory-policy',
    'noeviction',
  ])
})

test('further arguments win over the standard ones', async () => {
  const server = await start({ args: ['--cluster-enabled', 'yes'] })
  expect(await ask(server.url, 'CLUSTER', 'INFO')).toContain('cluster_state:')
})

test('a folder in use is refused', async () => {
  const { dataDir } = await start({ dataDir: createFolder() })
  await expect(startRedis({ dataDir })).rejects.toMatchObject({ code: 'ALREADY_RUNNING' })
})

test('another port is tried when the first is taken', async () => {
  const taken = await takePort()
  const proposals = [taken, await findFreePort()]

  const server = await start({ choosePort: async () => proposals.shift() ?? 0 })

  expect(server.port).not.toBe(taken)
  expect(await ask(server.url, 'PING')).toBe('PONG')
})

test('a port that was asked for and is taken is an error that says so', async () => {
  const port = await takePort()
  await expect(startRedis({ port })).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    message: expect.stringMatching(new RegExp(`did not start on port ${port}[^]*in use`, 'u')),
  })
})

test('data that the server cannot read is named in the error', async () => {
  const first = await start({ dataDir: createFolder() })
  await first.stop()
  const folder = join(first.dataDir, 'appendonlydir')
  for (const file of readdirSync(folder)) {
    if (file.endsWith('.rdb')) writeFileSync(join(folder, file), 'no data of this server')
  }
  await expect(startRedis({ dataDir: first.dataDir })).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    message: expect.stringContaining(`so ${first.dataDir} may be removed`),
  })
})

test('REDIS_URL wins', async () => {
  const server = await provideRedis(
    {},
    { REDIS_URL: 'redis://elsewhere:6379', TITAN_REDIS_BINARY: '/nowhere' },
  )
  expect(server).toMatchObject({ url: 'redis://elsewhere:6379', description: 'Redis from REDIS_URL' })
})
