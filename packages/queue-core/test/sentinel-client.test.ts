import { EventEmitter, getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { RedisNodeClient, RedisSentinelClient } from '../src/index.ts'
import { openConnection, shareConnection } from '../src/redis/connection.ts'

// What a Sentinel client of node-redis does, without servers. sentinel.redis.test.ts has a real trio.

/** A node that replies with its name, or fails. */
class Node extends EventEmitter {
  isReady = true
  readonly sent: string[] = []
  readonly name: string
  failure: Error | undefined

  constructor(name: string) {
    super()
    this.name = name
  }

  async sendCommand([command = '']: string[]): Promise<never> {
    this.sent.push(command)
    if (this.failure !== undefined) throw this.failure
    return this.name as never
  }

  duplicate(): Node {
    return this
  }

  async connect(): Promise<void> {}

  destroy(): void {
    this.emit('destroyed')
  }
}

/** A Sentinel client: it runs a function again after the reply of a replica, on the master that is known by then. */
class Sentinel extends EventEmitter {
  isOpen = true
  asked = 0
  master: Node

  constructor(master: Node) {
    super()
    this.master = master
  }

  getMasterNode(): undefined {}

  async _execute<T>(
    _isReadonly: boolean | undefined,
    run: (node: RedisNodeClient) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      try {
        return await run(this.master)
      } catch (error) {
        if (!String(error).includes('READONLY')) throw error
        this.asked++
      }
    }
  }

  moveTo(node: Node): void {
    this.master.isReady = false
    this.master = node
    this.emit('topology-change', { type: 'MASTER_CHANGE' })
  }
}

function setUp() {
  const [first, second] = [new Node('first'), new Node('second')]
  const sentinel = new Sentinel(first)
  return { first, second, sentinel, client: sentinel as RedisSentinelClient }
}

test('commands follow the master that the Sentinels name', async () => {
  const { client, sentinel, second } = setUp()
  const shared = shareConnection(client, 'k')
  expect(await shared.send(['GET'])).toBe('first')
  sentinel.moveTo(second)
  expect(await shared.send(['GET'])).toBe('second')
})

// Their own sendCommand would send it again.
test('a command whose connection was lost is sent once', async () => {
  const { client, first } = setUp()
  first.failure = new Error('Socket closed unexpectedly')
  await expect(shareConnection(client, 'k').send(['XADD'])).rejects.toMatchObject({ code: 'NO_REPLY' })
  expect(first.sent).toEqual(['XADD'])
})

test('the Sentinels are asked again after the reply of a replica, and not before', async () => {
  const { client, sentinel, first, second } = setUp()
  const shared = shareConnection(client, 'k')
  await shared.send(['GET'])
  expect(sentinel.asked).toBe(0)
  first.failure = new Error("READONLY You can't write against a read only replica.")
  await expect(shared.send(['SET'])).rejects.toThrow('READONLY')
  sentinel.master = second
  expect(await shared.send(['SET'])).toBe('second')
  expect(sentinel.asked).toBe(1)
})

test('a closed client sends nothing, and says so', async () => {
  const { client, sentinel, first } = setUp()
  sentinel.isOpen = false
  await expect(shareConnection(client, 'k').send(['XADD'])).rejects.toMatchObject({ code: 'NOT_SENT' })
  expect(first.sent).toEqual([])
})

test('an own connection leaves the old master as soon as the Sentinels name another one', async () => {
  const { client, sentinel, first, second } = setUp()
  const connection = await openConnection(client, 'k', () => undefined)
  expect(await connection.send(['XREAD'])).toBe('first')
  let isLeft = false
  first.once('destroyed', () => (isLeft = true))
  sentinel.moveTo(second)
  expect(isLeft).toBe(true)
  expect(await connection.send(['XREAD'])).toBe('second')
  await connection.close()
  // A closed one listens no longer.
  sentinel.moveTo(first)
  await expect(connection.send(['XREAD'])).rejects.toMatchObject({ code: 'CLOSED' })
})

test('a connection that could not be opened listens to nothing', async () => {
  const { client, sentinel } = setUp()
  sentinel.isOpen = false
  const { signal } = new AbortController()
  const opening = openConnection(client, 'k', () => undefined, signal)
  await expect(opening).rejects.toMatchObject({ code: 'NOT_SENT' })
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
