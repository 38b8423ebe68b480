import { createServer, type Server } from 'node:net'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import type { ReceiverResponse } from '../src/model/receiver-response.ts'
import { createNameResolver, WebhookClient, type WebhookClientOptions } from '../src/sender/client.ts'
import type { EgressPolicy } from '../src/model/egress-policy.ts'
import { startReceiver, status, type Receiver } from './support/receiver.ts'

/** Any port and no TLS, but public addresses only. */
function strictEgress(...ports: readonly number[]): EgressPolicy {
  return { allowHttp: true, allowedPorts: ports, allowedSubnets: [] }
}

const LOOPBACK: readonly string[] = ['127.0.0.1/32']

function neverAsked(): Promise<never> {
  throw new Error('the resolver was asked')
}

async function post(url: string, options: Partial<WebhookClientOptions>): Promise<ReceiverResponse> {
  const client = new WebhookClient({
    egress: strictEgress(),
    resolve: neverAsked,
    timeoutMs: 5_000,
    ...options,
  })
  try {
    const headers = { 'content-type': 'application/json' }
    return await client.post({ url, headers, body: '{}' }, new AbortController().signal)
  } finally {
    await client.close()
  }
}

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'loopback.test': ['127.0.0.1'],
  'loopback6.test': ['::1'],
  'mapped.test': ['::ffff:127.0.0.1'],
  'private.test': ['10.0.0.1'],
  'unspecified.test': ['0.0.0.0'],
  'metadata.test': ['169.254.169.254'],
  'nat64.test': ['64:ff9b::7f00:1'],
  'public-then-private.test': ['93.184.215.14', '127.0.0.1'],
  'private-then-public.test': ['127.0.0.1', '93.184.215.14'],
  'mixed-families.test': ['2606:4700:4700::1111', '127.0.0.1'],
  'localhost.': ['127.0.0.1'],
  localhost: ['127.0.0.1', '::1'],
}

test.each(Object.keys(NAMES))(
  // F66 names and addresses of the own network, names that change: never connected to
  'a name that leads to an address it must not is never connected to: %s',
  async (name) => {
    const receiver = await startReceiver()
    const response = await post(`http://${name}:${receiver.port}/`, {
      resolve: (hostname) => Promise.resolve(NAMES[hostname] ?? []),
    })
    expect(response).toMatchObject({
      kind: 'unanswered',
      error: 'blocked',
      detail: expect.stringContaining('not at a public address'),
    })
    expect(receiver.connections).toBe(0)
  },
)

test.each([
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '0177.0.0.1',
  '017700000001',
  '0.0.0.0',
  '0',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:7f00:0001]',
  '[64:ff9b::127.0.0.1]',
])('an address in the URL itself is never connected to: %s', async (host) => {
  const receiver = await startReceiver()
  expect(await post(`http://${host}:${receiver.port}/`, {})).toMatchObject({
    kind: 'unanswered',
    error: 'blocked',
  })
  expect(receiver.connections).toBe(0)
})

// F66
test('a name that means another address a moment later: each connection goes where it was checked', async () => {
  const receiver = await startReceiver(status(200, { connection: 'close' }))
  const answers = [['127.0.0.1'], ['10.0.0.1'], ['127.0.0.1', '10.0.0.1']]
  let asked = 0
  const options = {
    egress: { ...strictEgress(receiver.port), allowedSubnets: LOOPBACK },
    resolve: () => Promise.resolve(answers[asked++] ?? []),
  }
  const url = `http://rebind.test:${receiver.port}/`
  expect(await post(url, options)).toMatchObject({ kind: 'answered', code: 200 })
  // One question per connection: there is no second answer that could differ.
  expect(asked).toBe(1)
  expect(await post(url, options)).toMatchObject({ error: 'blocked' })
  expect(await post(url, options)).toMatchObject({ error: 'blocked' })
  expect(receiver.connections).toBe(1)
})

test('a name server that never answers is a timeout', async () => {
  const response = await post('http://slow.test/', { resolve: () => new Promise(() => {}), timeoutMs: 100 })
  expect(response).toMatchObject({ kind: 'unanswered', error: 'timeout' })
})

test('localhost is not reached through the real name servers either', async () => {
  const receiver = await startReceiver()
  const names = createNameResolver(false)
  onTestFinished(() => names.close())
  const response = await post(`http://localhost.:${receiver.port}/`, { resolve: names.resolve })
  expect(response.kind).toBe('unanswered')
  expect(receiver.connections).toBe(0)
})

test('names of the own network are found when its subnets are allowed', async () => {
  const receiver = await startReceiver()
  const names = createNameResolver(true)
  onTestFinished(() => names.close())
  const egress = { ...strictEgress(receiver.port), allowedSubnets: ['127.0.0.0/8', '::1/128'] }
  const response = await post(`http://localhost:${receiver.port}/`, { egress, resolve: names.resolve })
  expect(response).toMatchObject({ kind: 'answered', code: 200 })
})

async function postTo(
  receiver: Receiver,
  options: Partial<WebhookClientOptions> = {},
): Promise<ReceiverResponse> {
  const egress = { ...strictEgress(receiver.port), allowedSubnets: LOOPBACK }
  return post(receiver.url, { egress, ...options })
}

// F65 redirects: not followed
test.each([301, 302, 303, 307, 308])('a redirect is not followed: %i', async (code) => {
  const target = await startReceiver()
  const receiver = await startReceiver(status(code, { location: target.url }))
  const response = await postTo(receiver, {
    egress: { ...strictEgress(receiver.port, target.port), allowedSubnets: LOOPBACK },
  })
  expect(response).toMatchObject({ kind: 'answered', code })
  expect(target.connections).toBe(0)
})

// F65
test('a redirect to itself, or to where clouds keep credentials, is one request', async () => {
  for (const location of ['/hook', 'http://169.254.169.254/latest/meta-data']) {
    const receiver = await startReceiver(status(307, { location }))
    expect(await postTo(receiver)).toMatchObject({ kind: 'answered', code: 307 })
    expect(receiver.received).toHaveLength(1)
  }
})

afterEach(() => {
  for (const name of PROXY_VARIABLES) delete process.env[name]
})
const PROXY_VARIABLES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']

test('a proxy of the environment is not used', async () => {
  const proxy = await startReceiver()
  for (const name of PROXY_VARIABLES) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy.url
  const receiver = await startReceiver()
  expect(await postTo(receiver)).toMatchObject({ kind: 'answered', code: 200 })
  expect(proxy.connections).toBe(0)
})

/** A server that does something else than answer HTTP. */
async function startOddServer(onConnection: Parameters<Server['on']>[1]): Promise<string> {
  const server = createServer()
  server.on('connection', onConnection)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
}

test('every failure of the network has its name', async () => {
  const egress = { ...strictEgress(), allowedSubnets: LOOPBACK }
  const refusing = await startReceiver()
  await refusing.close()
  expect(await post(refusing.url, { egress })).toMatchObject({ error: 'connect' })

  const reset = await startOddServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
  expect(await post(reset, { egress })).toMatchObject({ error: 'reset' })

  const garbage = await startOddServer((socket) =>
    socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n')),
  )
  expect(await post(garbage, { egress })).toMatchObject({ error: 'protocol' })
  expect(await post(garbage.replace('http:', 'https:'), { egress })).toMatchObject({ error: 'tls' })

  const huge = await startReceiver(status(200, { 'x-filler': 'x'.repeat(100_000) }))
  expect(await postTo(huge)).toMatchObject({ error: 'protocol' })

  const resolve = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
  expect(await post('http://nowhere.test/', { resolve })).toMatchObject({ error: 'dns' })
  expect(await post('http://empty.test/', { resolve: () => Promise.resolve([]) })).toMatchObject({
    kind: 'unanswered',
  })
})

test('a request that its caller gives up rejects with the reason of the caller', async () => {
  const receiver = await startReceiver(() => abort.abort(new Error('stop')))
  const abort = new AbortController()
  const client = new WebhookClient({
    egress: { ...strictEgress(receiver.port), allowedSubnets: LOOPBACK },
    resolve: neverAsked,
    timeoutMs: 60_000,
  })
  onTestFinished(() => client.close())
  await expect(client.post({ url: receiver.url, headers: {}, body: '{}' }, abort.signal)).rejects.toThrow(
    'stop',
  )
})
