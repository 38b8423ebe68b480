import { QueueError } from '../../model/errors.ts'
import { isError, propertyOf } from '../../model/text-of.ts'
import type { ClientAdapter, DialOptions, NodeAdapter, NodeAddress, Send } from './adapter.ts'

/** What clients and clusters of ioredis and of iovalkey have in common. */
export interface IoredisCommander {
  readonly status: string
  call(command: string, args: string[]): Promise<unknown>
  sendCommand(command: object): unknown
}

/** The part of a client of ioredis or iovalkey (`new Redis()`) that the library uses. */
export interface IoredisClient extends IoredisCommander {
  readonly options: object
  readonly mode: string
  readonly stream?: { destroy(): unknown }
  duplicate(override?: object): IoredisClient
  connect(): Promise<void>
  disconnect(): void
  on(event: 'error' | 'close' | 'end', listener: (error: unknown) => void): unknown
}

/** The part of a `Command` of ioredis that the library uses. */
interface Command {
  readonly promise: Promise<unknown>
  /** Slot of the first key; found by the command itself where it is undefined. */
  slot?: number | null
  getSlot(): number | null
  reject: (error: Error) => void
  toWritable: (socket: object) => string | Buffer
}

/** Sent instead of a command that was taken back. Its reply is discarded. */
const NOTHING = '*1\r\n$4\r\nPING\r\n'

/**
 * Makes a command as the client's own `call` does, without the options that would change it: a key prefix and automatic
 * pipelines. Transformers of replies and arguments are registered by lower-case names, and ours are upper case.
 */
export function makeCommand(client: IoredisCommander, [name = '', ...args]: string[]): Command {
  const maker = { options: {}, sendCommand: (command: object) => command }
  return client.call.call(maker as never, name, args) as unknown as Command
}

/** Ends of the commands that are on their way, to be called when the connection is lost. */
type InFlight = Set<(error: Error) => void>

/**
 * Sends over the caller's client, which by default sends commands without a reply once more after it has reconnected: that
 * would store a job twice. So a command is written once, again only after an error reply, which says that nothing was
 * done: a redirection. ioredis asks for the bytes when it writes them, which also tells whether a command was sent.
 */
export function sendOnce(
  client: IoredisCommander,
  command: Command,
  withdraw: AbortSignal,
  inFlight: InFlight = new Set(),
): Promise<unknown> {
  let isWritten = false
  let isEnded = false
  return new Promise((resolve, fail) => {
    const clear = (): void => {
      isEnded = true
      inFlight.delete(end)
      withdraw.removeEventListener('abort', onWithdraw)
    }
    const end = (error: unknown): void => {
      clear()
      fail(isWritten || isReplyError(error) ? error : notSent(error))
    }
    const onWithdraw = (): void => void (isWritten || end(undefined))
    withdraw.addEventListener('abort', onWithdraw)
    const write = command.toWritable
    command.toWritable = (socket) => {
      if (isWritten) end(new Error('The connection was lost before the reply came'))
      if (isEnded) return NOTHING
      isWritten = true
      inFlight.add(end)
      return write.call(command, socket)
    }
    command.promise.then((reply) => {
      clear()
      resolve(reply)
    }, end)
    client.sendCommand(command)
    // Wrapped after a cluster has wrapped it, which takes a lost connection as a reason to send again.
    const reject = command.reject
    command.reject = (error) => {
      if (isReplyError(error)) isWritten = false
      else if (isWritten) end(error)
      reject.call(command, error)
    }
  })
}

const isReplyError = (error: unknown): boolean => isError(error) && error.name === 'ReplyError'

function notSent(cause: unknown): QueueError {
  return new QueueError('NOT_SENT', 'The command waited for a connection and was not sent', { cause })
}

/** Adapts a client of ioredis or iovalkey, also one that asks Sentinels for the master. */
export function adaptIoredis(client: IoredisClient): ClientAdapter {
  const node = adaptIoredisNode(undefined, client)
  const inFlight: InFlight = new Set()
  const onMoved = new Set<() => void>()
  client.on('close', () => {
    for (const end of inFlight) end(new Error('The connection was closed'))
    // Its failover detector closes it when a Sentinel names another master.
    for (const listener of onMoved) listener()
  })
  return {
    send: (_key, args, withdraw) => sendOnce(client, makeCommand(client, args), withdraw, inFlight),
    nodeOf: () => Promise.resolve(node),
    nodes: () => [],
    addressOf: () => undefined,
    onMoved(listener) {
      if (asksSentinels(client)) onMoved.add(listener)
      return () => onMoved.delete(listener)
    },
  }
}

/** Whether the client asks Sentinels for the master. */
export function asksSentinels(client: unknown): boolean {
  return Array.isArray(propertyOf(propertyOf(client, 'options'), 'sentinels'))
}

/** Adapts one client as a node. */
export function adaptIoredisNode(name: string | undefined, template: IoredisClient): NodeAdapter {
  return { name, send: (args) => sendCommand(template, args), dial: (options) => dial(template, options) }
}

function sendCommand(client: IoredisClient, args: string[]): Promise<unknown> {
  const command = makeCommand(client, args)
  client.sendCommand(command)
  return command.promise
}

/** Options of a connection of the library's own, at an address if given. */
function ownOptions(template: IoredisClient, address: NodeAddress | undefined): object {
  return {
    ...address,
    lazyConnect: true,
    retryStrategy: null,
    reconnectOnError: null,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    // Asks with INFO, which a user may not be allowed; the library asks by itself.
    enableReadyCheck: false,
    maxRetriesPerRequest: null,
    commandTimeout: undefined,
    blockingTimeout: undefined,
    socketTimeout: undefined,
    stringNumbers: false,
    monitor: false,
    readOnly: false,
    ...(asksSentinels(template) && SENTINEL_OPTIONS),
  }
}

/** A connection asks the Sentinels in turn once. The caller's client listens to them for all. */
const SENTINEL_OPTIONS = {
  sentinelRetryStrategy: null,
  sentinelCommandTimeout: 1_500,
  connectTimeout: 1_500,
  failoverDetector: false,
}

async function dial(template: IoredisClient, { address, signal, onLost }: DialOptions): Promise<Send> {
  const client = template.duplicate(ownOptions(template, address))
  let reason: unknown
  client.on('error', (error) => {
    reason = error
    onLost(error)
  })
  // A server that closes the connection in good order gives no error.
  client.on('end', () => onLost(reason ?? new Error('The connection was closed')))
  const end = (): void => {
    client.disconnect()
    // disconnect() would wait for the other side.
    client.stream?.destroy()
  }
  signal.addEventListener('abort', end, { once: true })
  signal.throwIfAborted()
  try {
    await client.connect()
  } catch (error) {
    // connect() says only that the connection is closed.
    throw reason ?? error
  }
  return (args) => sendCommand(client, args)
}
