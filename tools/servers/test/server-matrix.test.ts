import { expect, test } from 'vitest'
import { readBinaries, renderMatrix } from '../src/server-matrix.ts'

test('servers are named in a list', () => {
  const list = 'redis-7.0=/opt/redis/redis-server, valkey=/opt/valkey/valkey-server'
  expect(readBinaries({ TITAN_REDIS_BINARIES: list, TITAN_REDIS_BINARY: '/ignored' })).toEqual([
    { name: 'redis-7.0', command: '/opt/redis/redis-server' },
    { name: 'valkey', command: '/opt/valkey/valkey-server' },
  ])
})

test('one server is named by its path', () => {
  expect(readBinaries({ TITAN_REDIS_BINARY: '/opt/valkey-9.1/valkey-server' })).toEqual([
    { name: 'valkey-9.1/valkey-server', command: '/opt/valkey-9.1/valkey-server' },
  ])
})

test.for([{}, { TITAN_REDIS_BINARIES: '/opt/redis-server' }, { TITAN_REDIS_BINARIES: 'a=/x,b=' }])(
  'without names and paths it says how to name servers: %j',
  (env) => {
    expect(() => readBinaries(env)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  },
)

test('the results are a Markdown table', () => {
  const rows = [{ name: 'redis', version: '7.0.15', passed: 120, failed: 0, skipped: 1, seconds: 90 }]
  expect(renderMatrix(rows)).toBe(
    [
      '| Tested | Version | Passed | Failed | Skipped | Time |',
      '| ------ | ------- | ------ | ------ | ------- | ---- |',
      '| redis  | 7.0.15  | 120    | 0      | 1       | 90 s |',
    ].join('\n'),
  )
})
