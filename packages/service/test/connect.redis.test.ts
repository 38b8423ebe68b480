import { EventEmitter, once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { RedisClientType } from 'redis'
import { expect, inject, onTestFinished, test, vi } from 'vitest'
import { createLog, createRedis, type Redis } from '../src/index.ts'
import { watchRedis } from '../src/redis/watch.ts'

const log = createLog('test', { logLevel: 'silent', logFormat: 'json' })

/** A server of one's own that hands each connection to `serve`; answers its URL. */
async function listen(serve: (socket: Socket, index: number) => void): Promise<string> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    serve(socket, connections++)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function create(url: string): Redis {
  const redis = createRedis(url, log)
  onTestFinished(() => redis.close())
  return redis
}

test('a first connection that is never answered is replaced by one that is', async () => {
  const { hostname, port } = new URL(inject('redisUrl'))
  const url = await listen((socket, index) => {
    if (index === 0) return
    const server = connect(Number(port), hostname)
    server.on('error', () => socket.destroy())
    socket.on('close', () => server.destroy())
    socket.pipe(server).pipe(socket)
  })
  const redis = create(url)
  await redis.connect(30_000)
  await expect(redis.send('', ['PING'])).resolves.toBe('PONG')
})

test('a server that never answers is told as unreachable when the time is over', async () => {
  const url = await listen(() => {})
  const redis = create(url)
  await expect(redis.connect(6_000)).rejects.toThrow(
    /cannot use Redis at 127\.0\.0\.1:\d+: no reply within 5000 ms/,
  )
  await expect(redis.send('', ['PING'])).rejects.toThrow('The client is closed')
})

test('a server that is silent for the whole of a short time is told as that', async () => {
  const url = await listen(() => {})
  await expect(create(url).connect(300)).rejects.toThrow(/cannot use Redis .*: no reply within 300 ms/)
})

test('a server that refuses us is told with its reason', async () => {
  const url = await listen((socket) => {
    socket.on('data', () => socket.write('-NOAUTH Authentication required.\r\n'))
  })
  await expect(create(url).connect(300)).rejects.toThrow(/cannot use Redis .*NOAUTH/)
})

test('a client that connects again by itself is not told to, which would make it try twice as often', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const destroy = vi.fn<() => void>()
  const redis = Object.assign(new EventEmitter(), {
    isOpen: true,
    destroy,
    sendCommand: vi.fn<() => unknown>(),
  })
  watchRedis(redis as unknown as RedisClientType, { acceptsReplica: false, onUsable: () => undefined })
  redis.emit('connect')
  redis.emit('reconnecting')
  vi.advanceTimersByTime(60_000)
  expect(destroy).not.toHaveBeenCalled()
})
