import { connect } from 'node:net'
import { eventually } from '@titan/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { startServer, type HttpServer, type ServerOptions } from '../src/server.ts'

const servers: HttpServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.drain(0)
})

async function start(
  fetch: ServerOptions['fetch'],
  options: Partial<ServerOptions> = {},
): Promise<HttpServer> {
  const server = await startServer({ fetch, host: '127.0.0.1', port: 0, ...options })
  servers.push(server)
  return server
}

/** Sends bytes as they are and answers everything that comes back until the connection ends. */
function sendRaw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => (answer += text))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

describe('startServer', () => {
  it('finds a free port and says which', async () => {
    const { url } = await start(() => new Response('hello'))
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d{2,5}$/)
    expect(await (await fetch(url)).text()).toBe('hello')
  })

  it('rejects when the port is taken', async () => {
    const { url } = await start(() => new Response())
    const port = Number(new URL(url).port)
    const second = startServer({ fetch: () => new Response(), host: '127.0.0.1', port })

    await expect(second).rejects.toMatchObject({
      code: 'FAILURE',
      message: expect.stringMatching(`cannot listen on 127.0.0.1:${port}: .*EADDRINUSE`) as string,
    })
  })

  it('joins repeated headers, so that a repeated key can be seen', async () => {
    const { url } = await start((request) => new Response(request.headers.get('idempotency-key')))
    const answer = await sendRaw(
      url,
      'GET / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: one\r\nIdempotency-Key: two\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toContain('one, two')
  })

  it('serves HTTP/1.0 without a host, as balancers check', async () => {
    const { url } = await start((request) => new Response(new URL(request.url).pathname))
    expect(await sendRaw(url, 'OPTIONS /readyz HTTP/1.0\r\n\r\n')).toContain('/readyz')
  })

  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a bad header', 'GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n'],
    ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n'],
    ['a backslash in the path', 'GET /\\evil HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ])('answers a problem to %s', async (_case, bytes) => {
    const { url } = await start(() => new Response('reached'))
    const answer = await sendRaw(url, bytes)

    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json')
    expect(answer).toContain('"code":"bad-request"')
  })
})

describe('a connection', () => {
  it('that sends rubbish after a request gets the response of that request first', async () => {
    const { promise: proceed, resolve: release } = Promise.withResolvers<void>()
    const { url } = await start(async (request) => {
      await proceed
      return new Response(await request.text(), { status: 202 })
    })
    const pay = 'POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}'
    const answer = sendRaw(url, `${pay}rubbish\r\n\r\n`)
    setTimeout(release, 100)
    expect(await answer).toMatch(/^HTTP\/1\.1 202 /)
  })

  it('whose second request does not arrive in time gets the response of the first, and no other', async () => {
    const { promise: proceed, resolve: release } = Promise.withResolvers<void>()
    const { url } = await start(
      async (request) => {
        const text = await request.text()
        await proceed
        return new Response(text, { status: 202 })
      },
      { requestTimeoutMs: 600, headersTimeoutMs: 500 },
    )
    const pay = 'POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}'
    const half = 'POST /pay HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{'
    const answer = sendRaw(url, `${pay}${half}`)
    setTimeout(release, 2_500)
    const statuses = (await answer).match(/HTTP\/1\.1 \d+/g)
    expect(statuses).toEqual(['HTTP/1.1 202'])
  })

  // F108
  it('whose headers are too large is answered 431', async () => {
    const { url } = await start(() => new Response('reached'))
    const answer = await sendRaw(url, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
    expect(answer).toContain('"code":"headers-too-large"')
  })

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: a\r\n'],
    ['a request line', 'GE'],
    ['nothing at all', ''],
    // F108 connections that send half a request, take no answer, are too many, or have headers of 20 kB: 408
    //  within the time, closed, closed and counted, 431
  ])('that sends %s and no more is ended in time', async (_case, bytes) => {
    const { url } = await start(() => new Response('reached'), {
      headersTimeoutMs: 300,
      requestTimeoutMs: 600,
    })
    const answer = await sendRaw(url, bytes)
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(answer).toContain('"code":"request-timeout"')
  })

  // F108
  it('that sends half a body is ended in time', async () => {
    const { url } = await start(async (request) => new Response(await request.text()), {
      headersTimeoutMs: 300,
      requestTimeoutMs: 600,
    })
    const answer = await sendRaw(url, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  })

  // F108
  it('that does not take its answer is closed', async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<boolean>()
    const server = await start(
      (_request, { outgoing }) => {
        outgoing.once('close', () => close(outgoing.writableFinished))
        return new Response('x'.repeat(50_000_000))
      },
      { stalledMs: 300 },
    )
    const { port } = new URL(server.url)
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => undefined).pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await closed).toBe(false)
    socket.destroy()
  })

  // F108
  it('beyond the limit is closed and counted', async () => {
    let refused = 0
    const { url } = await start(() => new Response('reached'), {
      maxConnections: 2,
      onConnectionRefused: () => (refused += 1),
    })
    const { port } = new URL(url)
    const idle = [connect(Number(port), '127.0.0.1'), connect(Number(port), '127.0.0.1')]
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
    const third = connect(Number(port), '127.0.0.1')
    third.on('error', () => undefined)
    await new Promise((resolve) => third.once('close', resolve))
    expect(refused).toBe(1)
    for (const socket of idle) socket.destroy()
    await eventually(async () => (await (await fetch(url)).text()) === 'reached')
  })

  it('that is idle stays open as long as it is told', async () => {
    const { url } = await start(() => new Response('hello'), { keepAliveMs: 7_000 })
    expect((await fetch(url)).headers.get('keep-alive')).toBe('timeout=7')
  })
})

describe('drain', () => {
  it('lets a request in progress finish and takes no new connection', async () => {
    const { promise: proceed, resolve: release } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const server = await start(async () => {
      reach()
      await proceed
      return new Response('finished')
    })
    const answer = fetch(server.url)
    await reached
    const drained = server.drain(10_000)

    await expect(fetch(server.url)).rejects.toThrow()
    release()
    expect(await (await answer).text()).toBe('finished')
    await drained
  })

  it('cuts what is not finished after the grace', async () => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const server = await start(() => {
      reach()
      return new Promise<Response>(() => undefined)
    })
    const answer = fetch(server.url)
    answer.catch(() => undefined)
    await reached
    await server.drain(50)

    await expect(answer).rejects.toThrow()
  })

  it('does not wait for connections that are idle', async () => {
    const server = await start(() => new Response('hello'))
    await (await fetch(server.url)).text()

    await server.drain(60_000)
    await server.drain(60_000)
  })
})
