import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { packagesInPlan, unpackAptPackage } from '../src/apt.ts'
import { findRedisOnPath, type RedisSource } from '../src/redis-binary.ts'
import { findRedis, redisInstallHint, type RedisProbes } from '../src/redis-search.ts'
import { createFolder } from './support/folder.ts'

function probes(available: readonly (keyof RedisProbes)[], asked: string[] = []): RedisProbes {
  const probe = (name: keyof RedisProbes) => async (): Promise<RedisSource> => {
    asked.push(name)
    if (!available.includes(name)) throw new Error(`no ${name} here`)
    return { product: 'Redis', version: name, start: () => Promise.reject(new Error('not started')) }
  }
  return { path: probe('path'), container: probe('container'), distribution: probe('distribution') }
}

function writeProgram(folder: string, name: string, output: string): string {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\necho '${output}'\n`)
  chmodSync(file, 0o755)
  return file
}

const OLD = 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64'
const NEW = 'Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64'

test.each([
  { available: ['path', 'container', 'distribution'], expected: 'path', asks: ['path'] },
  { available: ['container', 'distribution'], expected: 'container', asks: ['path', 'container'] },
  { available: ['distribution'], expected: 'distribution', asks: ['path', 'container', 'distribution'] },
] as const)('with $available Redis comes from $expected', async ({ available, expected, asks }) => {
  const asked: string[] = []
  const source = await findRedis({}, probes(available, asked))
  expect(source.version).toBe(expected)
  expect(asked).toEqual(asks)
})

test('without any, the error tells what was tried and how to install one', async () => {
  await expect(findRedis({}, probes([]))).rejects.toMatchObject({
    name: 'LocalError',
    code: 'REDIS_UNAVAILABLE',
    message: [
      'No Redis found on this machine:',
      '  - PATH: no path here',
      '  - Docker: no container here',
      "  - the distribution's package: no distribution here",
      redisInstallHint(),
    ].join('\n'),
  })
})

test('TITAN_REDIS_BINARY names the program to use, before anything is searched', async () => {
  const command = writeProgram(createFolder(), 'my-redis', NEW)
  const asked: string[] = []
  const source = await findRedis({ TITAN_REDIS_BINARY: command }, probes(['path'], asked))
  expect(source).toMatchObject({ command, product: 'Valkey', version: '8.1.1' })
  expect(asked).toEqual([])
})

test('a TITAN_REDIS_BINARY that cannot run is an error, not a reason to search', async () => {
  const search = findRedis({ TITAN_REDIS_BINARY: '/nowhere/redis-server' }, probes(['path']))
  await expect(search).rejects.toMatchObject({
    code: 'REDIS_UNAVAILABLE',
    message: expect.stringContaining('TITAN_REDIS_BINARY'),
  })
})

test('a Redis on PATH that is too old is passed over for a Valkey that is not', async () => {
  const folder = createFolder()
  writeProgram(folder, 'redis-server', OLD)
  const valkey = writeProgram(folder, 'valkey-server', NEW)
  expect(await findRedisOnPath(`/nowhere:${folder}`)).toMatchObject({ command: valkey, version: '8.1.1' })
})

test('a PATH with nothing but an old Redis says which version is needed', async () => {
  const folder = createFolder()
  const redis = writeProgram(folder, 'redis-server', OLD)
  await expect(findRedisOnPath(folder)).rejects.toThrow(`${redis} is version 6.0.16; 7.0 or newer is needed`)
})

test.each([
  ['darwin', '', 'brew install redis'],
  ['linux', 'ID=debian\n', 'sudo apt-get install redis-server'],
  [
    'linux',
    'NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n',
    'sudo apt-get install redis-server',
  ],
  ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', 'sudo dnf install redis'],
  ['linux', 'ID=fedora\n', 'sudo dnf install valkey'],
  ['linux', 'ID=something\n', 'your package manager'],
  ['win32', '', 'docker run -d -p 127.0.0.1:6379:6379 redis:8'],
] as const)('on %s with %j the hint is to run %s', (platform, osRelease, command) => {
  expect(redisInstallHint(platform, osRelease)).toContain(command)
  expect(redisInstallHint(platform, osRelease)).toContain('REDIS_URL')
})

test('without a network the reason is that, not that there is no package', async () => {
  const folder = createFolder()
  writeProgram(folder, 'apt-get', '')
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`)
  onTestFinished(() => void vi.unstubAllEnvs())
  const asked: string[] = []
  const unpacking = unpackAptPackage('redis-server', join(folder, 'target'), () => asked.push('fetch'))
  await expect(unpacking).rejects.toThrow('its package servers could not be reached')
  expect(asked).toEqual(['fetch'])
})

test('the plan of apt-get is read, epochs included', () => {
  const plan = [
    'Reading package lists...',
    "'http://deb.debian.org/debian/pool/main/j/jemalloc/libjemalloc2_5.3.0-1_amd64.deb' libjemalloc2_5.3.0-1_amd64.deb 275504 SHA256:00",
    "'http://deb.debian.org/debian/pool/main/r/redis/redis-server_7.0.15-1~deb12u6_amd64.deb' redis-server_5%3a7.0.15-1~deb12u6_amd64.deb 72380 SHA256:00",
    "'http://deb.debian.org/debian/pool/main/l/lua-cjson/lua-cjson_2.1.0+dfsg-2.2_all.deb' lua-cjson_2.1.0+dfsg-2.2_all.deb 100 SHA256:00",
  ].join('\n')
  expect(packagesInPlan(plan)).toEqual([
    'libjemalloc2=5.3.0-1',
    'redis-server=5:7.0.15-1~deb12u6',
    'lua-cjson=2.1.0+dfsg-2.2',
  ])
})
