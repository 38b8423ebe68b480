import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { startTcpProxy, type NetworkFault, type TcpProxy } from '../src/tcp-proxy.ts'

interface Line {
  readonly proxy: TcpProxy
  /** What the server behind the proxy has got. */
  received(): string
  /** Opens a connection through the proxy. */
  open(): { readonly socket: Socket; answers(): string; isClosed(): boolean }
}

/** A server that answers each byte with two, behind a proxy. */
async function openLine(): Promise<Line> {
  let text = ''
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => {
      text += String(chunk)
      socket.write(`${String(chunk)}${String(chunk)}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxy = await startTcpProxy(() => port)
  onTestFinished(async () => {
    await proxy.close()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    proxy,
    received: () => text,
    open() {
      const socket = connect(proxy.port, '127.0.0.1')
      let answers = ''
      let isClosed = false
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => (answers += String(chunk)))
      socket.on('close', () => (isClosed = true))
      onTestFinished(() => void socket.destroy())
      return { socket, answers: () => answers, isClosed: () => isClosed }
    },
  }
}

test('all is passed on while the network is good', async () => {
  const { open } = await openLine()
  const { socket, answers } = open()
  socket.write('ab')
  await eventually(() => answers() === 'abab')
})

test.each<NetworkFault>([{ type: 'refuse' }, { type: 'reset' }])(
  '$type ends open connections and new ones, until it is over',
  async (fault) => {
    const { proxy, open } = await openLine()
    const before = open()
    before.socket.write('a')
    await eventually(() => before.answers() === 'aa')
    await proxy.set(fault)
    await eventually(() => before.isClosed())
    const during = open()
    await eventually(() => during.isClosed())
    expect(during.answers()).toBe('')
    await proxy.set(undefined)
    const after = open()
    after.socket.write('b')
    await eventually(() => after.answers() === 'bb')
  },
)

test('a blackhole delivers what was sent when it is over', async () => {
  const { proxy, open, received } = await openLine()
  const { socket, answers } = open()
  socket.write('a')
  await eventually(() => answers() === 'aa')
  await proxy.set({ type: 'blackhole' })
  socket.write('b')
  const other = await openLine()
  const witness = other.open()
  witness.socket.write('c')
  await eventually(() => witness.answers() === 'cc')
  expect(received()).toBe('a')
  await proxy.set(undefined)
  await eventually(() => answers() === 'aabb')
})

test('dropped answers leave the request delivered', async () => {
  const { proxy, open, received } = await openLine()
  await proxy.set({ type: 'drop_answers' })
  const { socket, answers, isClosed } = open()
  socket.write('a')
  await eventually(() => isClosed())
  expect([received(), answers()]).toEqual(['a', ''])
})

test('a cut connection has passed no more than its bytes', async () => {
  const { proxy, open } = await openLine()
  await proxy.set({ type: 'cut', bytes: 3 })
  const { socket, answers, isClosed } = open()
  socket.write('a')
  await eventually(() => answers() === 'aa')
  socket.write('b')
  await eventually(() => isClosed())
  expect(answers()).toBe('aa')
})

test('delayed bytes keep their order', async () => {
  const { proxy, open } = await openLine()
  await proxy.set({ type: 'delay', ms: 30 })
  const { socket, answers } = open()
  for (const letter of 'abc') {
    socket.write(letter)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await eventually(() => answers().replaceAll(/(.)(?=.*\1)/g, '') === 'abc')
})

test('a proxy that is closed while its port is taken stops trying to get it back', async () => {
  const { proxy } = await openLine()
  await proxy.set({ type: 'refuse' })
  const stranger = createServer()
  onTestFinished(() => void stranger.close())
  await once(stranger.listen(proxy.port, '127.0.0.1'), 'listening')
  const healing = proxy.set()
  await proxy.close()
  await healing
})

test('a fault that comes while the port opens is in force', async () => {
  const { proxy, open } = await openLine()
  await proxy.set({ type: 'refuse' })
  await Promise.all([proxy.set(), proxy.set({ type: 'refuse' })])
  await eventually(open().isClosed)
})
