import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLog, createRedis, type Log } from '../src/index.ts'
import { chooseMaster, type Answer } from '../src/redis/sentinels.ts'

const answer = (host: string, epoch: number): Answer => ({ address: { host, port: 6_379 }, epoch })
const chosen = (answers: readonly Answer[], current?: Answer, sentinels = 3): string | undefined =>
  chooseMaster(answers, current, sentinels)?.address.host

describe('the master of Sentinels that disagree', () => {
  test('is the one of the latest failover, whoever is in the majority', () => {
    expect(chosen([answer('old', 1), answer('new', 2), answer('old', 1)])).toBe('new')
    expect(chosen([answer('old', 1)], answer('new', 2))).toBe('new')
    expect(chosen([answer('old', 1), answer('old', 1)], answer('new', 2), 5)).toBe('new')
  })

  test('is one of an earlier failover when most were set up anew', () => {
    expect(chosen([answer('other', 0), answer('other', 0)], answer('new', 7))).toBe('other')
  })

  test('is the one that most name where none tells the failover, and stays where they are even', () => {
    expect(chosen([answer('a', 0), answer('b', 0), answer('b', 0)], answer('a', 0))).toBe('b')
    expect(chosen([answer('a', 0), answer('b', 0)], answer('b', 0))).toBe('b')
  })

  test('is unknown before any answers, and stays when none does', () => {
    expect(chosen([])).toBe(undefined)
    expect(chosen([], answer('a', 3))).toBe('a')
  })

  const someAnswer = fc.record({
    address: fc.record({ host: fc.constantFrom('a', 'b', 'c'), port: fc.constant(6_379) }),
    epoch: fc.integer({ min: 0, max: 3 }),
  })

  test('is named by one of them or stays, in whatever order they answer', () => {
    fc.assert(
      fc.property(
        fc.array(someAnswer, { maxLength: 5 }),
        fc.option(someAnswer, { nil: undefined }),
        (answers, current) => {
          const found = chooseMaster(answers, current, 5)
          expect([...answers, current]).toContainEqual(found)
          const latest = Math.max(...answers.map(({ epoch }) => epoch))
          if (current !== undefined && latest > current.epoch) expect(found?.epoch).toBe(latest)
          if (current !== undefined) expect(chooseMaster(answers, found, 5)).toEqual(found)
        },
      ),
    )
  })
})

test('nothing is told of Sentinels that were left while they owed an answer', async () => {
  const events: string[] = []
  const keep: Log['warn'] = (event) => void events.push(event)
  const asked = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => asked.resolve())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep }
  const redis = createRedis(`redis+sentinel://127.0.0.1:${port}/mymaster`, log)
  const connecting = redis.connect()
  await asked.promise
  redis.close()
  await expect(connecting).rejects.toThrow('The client is')
  server.close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(events).toEqual([])
})

test('a Sentinel that closes each connection is tried once a second', async () => {
  const accepted: number[] = []
  const third = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.destroy()
    if (accepted.push(performance.now()) === 3) third.resolve()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })
  const redis = createRedis(`redis+sentinel://127.0.0.1:${port}/mymaster`, log)
  const connecting = redis.connect()
  await third.promise
  redis.close()
  await expect(connecting).rejects.toThrow('The client is')
  server.close()
  expect((accepted[2] ?? 0) - (accepted[0] ?? 0)).toBeGreaterThan(900)
})
