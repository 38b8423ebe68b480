import { connect, type Socket } from 'node:net'
import { eventually } from '@titan/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type HttpServer } from '../src/server.ts'
import { openTestApi, type TestApi } from './support/api.ts'

let api: TestApi
let server: HttpServer
beforeAll(async () => {
  api = await openTestApi()
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

/** Sends bytes and answers what comes back until the connection ends. */
async function exchange(bytes: string): Promise<string> {
  const socket = await open()
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(bytes)
  await closed
  return answer
}

function requestFor(body: string, headers: readonly string[] = []): string {
  const lines = ['POST /pay HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', ...headers]
  return `${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
}

describe('a client on a real connection', () => {
  // F12 a client that goes away in the middle, or right after sending: no row; or one row that a repeat finds
  it('that goes away in the middle of its body leaves nothing behind', async () => {
    const socket = await open()
    socket.write(requestFor('{"amount":5,"idempotency_key":"half"}').slice(0, -10))
    await new Promise<void>((resolve) => socket.end(() => resolve()))
    socket.destroy()

    expect((await exchange(requestFor('{"amount":5,"idempotency_key":"whole"}'))).slice(0, 12)).toBe(
      'HTTP/1.1 202',
    )
    expect((await api.store.page({ idempotencyKey: 'half' })).payments).toEqual([])
  })

  // F12
  it('that goes away right after sending gets its payment when it asks again', async () => {
    const request = requestFor('{"amount":5,"idempotency_key":"gone"}')
    const socket = await open()
    await new Promise<void>((resolve) => socket.write(request, () => resolve()))
    socket.destroy()
    await eventually(async () => (await api.store.page({ idempotencyKey: 'gone' })).payments.length === 1)

    const answer = await exchange(request)
    expect(answer).toContain('HTTP/1.1 202')
    expect(answer.toLowerCase()).toContain('idempotent-replayed: true')
  })

  // F7
  it('that sends two keys is refused', async () => {
    const answer = await exchange(requestFor('{"amount":5}', ['Idempotency-Key: a', 'Idempotency-Key: a']))
    expect(answer).toContain('HTTP/1.1 400')
    expect(answer).toContain('"code":"idempotency-key-repeated"')
  })

  it.each([
    ['an empty second one', ['Idempotency-Key: a', 'Idempotency-Key:']],
    ['an empty first one', ['Idempotency-Key: ', 'Idempotency-Key: a']],
    ['two empty ones', ['Idempotency-Key:', 'idempotency-key:']],
    ['one in another case', ['idempotency-key: a', 'IDEMPOTENCY-KEY: b']],
    // F112 two `Idempotency-Key` lines, one of them empty; two `Host` lines: 400, no payment
  ])('that sends two keys is refused: %s', async (_case, lines) => {
    const answer = await exchange(requestFor('{"amount":5}', lines))
    expect(answer).toContain('"code":"idempotency-key-repeated"')
    expect((await api.store.page({ idempotencyKey: 'a,' })).payments).toEqual([])
  })

  // F112
  it('that names two hosts is refused', async () => {
    const answer = await exchange(requestFor('{"amount":5,"idempotency_key":"hosts"}', ['Host: b']))
    expect(answer).toContain('HTTP/1.1 400')
    expect(answer).toContain('"code":"bad-request"')
  })

  it('that sends 20 kB is refused before it has sent them', async () => {
    const answer = await exchange(requestFor('x'.repeat(20_000)))
    expect(answer).toContain('HTTP/1.1 413')
    expect(answer).toContain('"code":"body-too-large"')
  })

  it('that sends 20 kB in chunks is refused', async () => {
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`
    const head =
      'POST /pay HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    const answer = await exchange(`${head}${chunk.repeat(5)}0\r\n\r\n`)
    expect(answer).toContain('HTTP/1.1 413')
  })

  it('that expects to be told to go on is told so', async () => {
    const answer = await exchange(
      requestFor('{"amount":5,"idempotency_key":"expect"}', ['Expect: 100-continue']),
    )
    expect(answer).toContain('HTTP/1.1 100 Continue')
    expect(answer).toContain('HTTP/1.1 202')
  })
})
