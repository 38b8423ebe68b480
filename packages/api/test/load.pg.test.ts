import { connect, type Socket } from 'node:net'
import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type HttpServer } from '../src/server.ts'
import { openTestApi, type TestApi } from './support/api.ts'

const SLOTS = 5
const TIMEOUT_MS = 1_000

let api: TestApi
let server: HttpServer
beforeAll(async () => {
  api = await openTestApi({
    maxInFlight: SLOTS,
    requestTimeoutMs: TIMEOUT_MS,
    gatewaySecrets: { STRIPE_WEBHOOK_SECRET: 'whsec_of_the_tests' },
  })
  server = await startServer({ fetch: api.fetch, host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await server.drain(0)
  await api.close()
})

async function open(): Promise<Socket> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Sends bytes and resolves with the status of the answer; the connection stays open. */
async function send(bytes: string): Promise<{ readonly socket: Socket; readonly status: Promise<string> }> {
  const socket = await open()
  const status = new Promise<string>((resolve) => {
    let answer = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
      if (answer.includes('\r\n\r\n')) resolve(answer.slice(9, 12))
    })
    // A peer that has read enough may reset the connection.
    socket.on('error', () => resolve(answer.slice(9, 12)))
    socket.on('close', () => resolve(answer.slice(9, 12)))
  })
  socket.write(bytes)
  return { socket, status }
}

const head = (path: string, type: string, framing: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${framing}\r\n\r\n`
const ROUTES = [
  ['/pay', 'application/json'],
  ['/webhook-endpoints', 'application/json'],
  ['/gateway-webhooks/stripe', 'application/json'],
  ['/payments/pay_1/cancel', 'application/json'],
  ['/nowhere', 'text/plain'],
] as const
const FRAMINGS = ['Content-Length: 100', 'Transfer-Encoding: chunked'] as const

async function readiness(): Promise<unknown> {
  const response = await fetch(`${server.url}/readyz`)
  return { status: response.status, ...((await response.json()) as object) }
}

/** The API serves, and nothing of the requests before is left. */
async function expectServing(key: string): Promise<void> {
  await eventually(async () =>
    expect(await readiness()).toMatchObject({ status: 'ready', requests: { in_flight: 0, limit: SLOTS } }),
  )
  // Requests of clients that have gone may still arrive, and hold a slot for a moment.
  await eventually(async () => {
    const paid = await Promise.all(
      Array.from({ length: SLOTS }, (_, index) => api.pay({ amount: 5, idempotency_key: `${key}-${index}` })),
    )
    expect(paid.map(({ status }) => status)).toEqual(paid.map(() => 202))
  })
}

describe('after requests whose', () => {
  for (const [path, type] of ROUTES)
    for (const framing of FRAMINGS)
      // F101 requests whose body stalls, whose client goes away, or that take too long: the slot is free with
      //  the answer, the read ends with the connection, and the API serves as before
      it(`body stalls, ${path} with ${framing}, the API serves as before`, async () => {
        const body = framing.startsWith('Content') ? '{"amount":' : '5\r\n{"amo\r\n'
        const sent = await Promise.all(
          Array.from({ length: SLOTS }, () => send(`${head(path, type, framing)}${body}`)),
        )
        for (const { status } of sent) expect(['404', '503', '415', '409']).toContain(await status)
        await expectServing(`stalled ${path} ${framing}`.replaceAll(' ', '-'))
        for (const { socket } of sent) socket.destroy()
        await expectServing(`closed ${path} ${framing}`.replaceAll(' ', '-'))
      })

  it('client goes away in the middle, the API serves as before', async () => {
    for (let round = 0; round < 4; round += 1) {
      const sent = await Promise.all(
        ROUTES.flatMap(([path, type]) =>
          FRAMINGS.map((framing) => send(`${head(path, type, framing)}5\r\n{"amo`)),
        ),
      )
      for (const { socket } of sent) socket.resetAndDestroy()
      await Promise.all(sent.map(({ status }) => status))
    }
    await expectServing('aborted')
  })

  // F103 a body over its bound on any route, with a length or in chunks: 413, and flat memory: nothing over
  //  the bound is kept
  it('body is over its bound, the API answers 413 and serves as before', async () => {
    for (const [path, type] of ROUTES) {
      const declared = await send(`${head(path, type, 'Content-Length: 70000000')}{`)
      expect(await declared.status, path).toBe('413')
      declared.socket.destroy()
      const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`
      const chunked = await send(`${head(path, type, FRAMINGS[1])}${chunk.repeat(80)}`)
      expect(await chunked.status, path).toBe('413')
      chunked.socket.destroy()
    }
    await expectServing('oversized')
  })

  // F104
  it('answers nobody reads, the API serves as before', async () => {
    const sent = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await open()
        socket.pause()
        socket.on('error', () => undefined)
        socket.write(`GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(10))
        return socket
      }),
    )
    await expectServing('unread')
    for (const socket of sent) socket.destroy()
    await expectServing('unread-and-gone')
  })
})

describe('a request that timed out', () => {
  // F101
  it('ends the read of its body with its connection', async () => {
    const reads: Promise<unknown>[] = []
    const stalled = await startServer({
      host: '127.0.0.1',
      port: 0,
      fetch: (request) => {
        reads.push(request.arrayBuffer())
        return new Response('too late', { status: 503 })
      },
    })
    try {
      const { port } = new URL(stalled.url)
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(`${head('/pay', 'application/json', 'Content-Length: 100')}{`)
      await eventually(() => reads.length === 1)
      await expect(reads[0]).rejects.toThrow()
      socket.destroy()
    } finally {
      await stalled.drain(0)
    }
  })
})
