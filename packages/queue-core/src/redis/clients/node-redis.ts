import type { ClientAdapter, DialOptions, NodeAdapter, Send } from './adapter.ts'

/** The part of a node-redis client (`createClient()`) that the library uses. */
export interface RedisNodeClient {
  readonly isReady: boolean
  readonly options?: { readonly socket?: object | undefined } | undefined
  sendCommand<T = unknown>(args: string[], options?: object): Promise<T>
  duplicate(overrides?: object): RedisNodeClient
  connect(): Promise<unknown>
  on(event: 'error', listener: (error: unknown) => void): unknown
  destroy?(): void
  /** What node-redis 4 has instead of `destroy`. */
  disconnect?(): Promise<void>
}

/** Replies come as plain strings and numbers, whatever types the caller's client maps them to. */
const plain = { typeMapping: {} }

/**
 * Options of a command over the caller's connection. The client's own time limit is off, because its error does not tell
 * whether the command is on its way; that of `withdraw` does. node-redis 4 has neither: it takes a signal of another name,
 * and rejects also what is on its way. There a command that waits cannot be taken back.
 */
export function sharedOptions(withdraw: AbortSignal): object {
  return { ...plain, timeout: undefined, abortSignal: withdraw }
}

/** Adapts `createClient()`. */
export function adaptNodeRedis(client: RedisNodeClient): ClientAdapter {
  const node = adaptNode(undefined, client)
  return {
    send: (_key, args, withdraw) => client.sendCommand(args, sharedOptions(withdraw)),
    nodeOf: () => Promise.resolve(node),
    nodes: () => [],
    addressOf: () => undefined,
  }
}

/** Adapts one client as a node. */
export function adaptNode(name: string | undefined, template: RedisNodeClient): NodeAdapter {
  return {
    name,
    send: (args) => template.sendCommand(args, plain),
    dial: (options) => dial(template, options),
  }
}

async function dial(template: RedisNodeClient, { address, signal, onLost }: DialOptions): Promise<Send> {
  const client = template.duplicate({
    commandOptions: { timeout: undefined },
    disableOfflineQueue: true,
    clientSideCache: undefined,
    socket: {
      ...template.options?.socket,
      ...address,
      reconnectStrategy: false,
      socketTimeout: undefined,
      // Ends the socket at any time, also one that is still connecting, which destroy() does not.
      signal,
    },
  })
  signal.addEventListener('abort', () => destroy(client))
  // After this turn, so that node-redis rejects the commands under way with what happened.
  client.on('error', onLost)
  signal.throwIfAborted()
  await client.connect()
  return (args) => client.sendCommand(args, plain)
}

function destroy(client: RedisNodeClient): void {
  try {
    if (client.destroy === undefined) client.disconnect?.().catch(() => undefined)
    else client.destroy()
  } catch {
    // node-redis 5 throws where the socket is closed already.
  }
}
