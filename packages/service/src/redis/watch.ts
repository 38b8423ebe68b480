import { ErrorReply, type RedisClientType } from 'redis'

/** Pause after a reply before the role is requested again, in milliseconds. */
const ASK_AFTER_MS = 3_000
/** How long a reply may take, in milliseconds. */
const REPLY_TIMEOUT_MS = 5_000
/** How long after it was opened a connection to a replica is left for another one, in milliseconds. */
const LEAVE_AFTER_MS = 1_000

/** The clients whose server is a replica, as far as is known. */
const onReplica = new WeakSet<object>()

/** Whether a client has a connection that takes writes, as far as is known. */
export function isWritable(redis: RedisClientType): boolean {
  return redis.isReady && !onReplica.has(redis)
}

/**
 * Replaces the connection of a client that is unresponsive, or that leads to a replica: a server that is demoted keeps
 * its connections, and only a new one finds the server that the address leads to by now. It asks for the role, and
 * listens for READONLY, which is all there is where ROLE is forbidden.
 *
 * @param onUsable is called when a new connection can be used
 */
export function watchRedis(
  redis: RedisClientType,
  { acceptsReplica, onUsable }: { readonly acceptsReplica: boolean; readonly onUsable: () => void },
): void {
  let timer: NodeJS.Timeout | undefined
  let openedAt = 0
  let isNew = false
  let isLeaving = false
  let isAnnounced = false

  function plan(next: () => void, afterMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(next, afterMs)
  }

  function ask(): void {
    let hasReply = false
    // In the next turn: a reply that arrived while this process was busy is read first.
    plan(() => setImmediate(() => hasReply || replaceUnresponsive()), REPLY_TIMEOUT_MS)
    readRole(redis)
      .then(judge)
      // A connection that breaks is mended by the client, and its next 'ready' asks again.
      .catch(() => clearTimeout(timer))
      .finally(() => {
        hasReply = true
      })
  }

  function judge(role: string | undefined): void {
    if (isLeaving) return
    if (role === 'slave' && !acceptsReplica) return leave()
    // Where the role is unknown, READONLY would have shown it by the second time.
    if (role !== undefined || !isNew) onReplica.delete(redis)
    isNew = false
    if (!isAnnounced && !onReplica.has(redis)) onUsable()
    isAnnounced = !onReplica.has(redis)
    plan(ask, ASK_AFTER_MS)
  }

  /** The address leads to the replica for as long as the failover takes, so the next try has time. */
  function leave(): void {
    if (isLeaving) return
    isLeaving = true
    onReplica.add(redis)
    const afterMs = Math.max(0, openedAt + LEAVE_AFTER_MS - performance.now())
    plan(() => replace(new Error('the server is a replica, which accepts no writes')), afterMs)
  }

  const replaceUnresponsive = (): void => replace(new Error(`no reply within ${REPLY_TIMEOUT_MS} ms`))

  function replace(reason: Error): void {
    if (!redis.isOpen) return
    redis.destroy()
    redis.emit('error', reason)
    redis.connect().catch(() => undefined)
  }

  const send = redis.sendCommand.bind(redis) as (...args: unknown[]) => Promise<unknown>
  const watched = async (...args: unknown[]): Promise<unknown> => {
    try {
      return await send(...args)
    } catch (error) {
      if (error instanceof ErrorReply && error.message.startsWith('READONLY ')) leave()
      throw error
    }
  }
  redis.sendCommand = watched as typeof redis.sendCommand
  // A connection may become unresponsive before it is ready.
  redis.on('connect', () => plan(replaceUnresponsive, REPLY_TIMEOUT_MS))
  redis.on('ready', () => {
    openedAt = performance.now()
    isNew = true
    isLeaving = false
    isAnnounced = false
    ask()
  })
  // A connection that is gone needs no other one in its place: the client would make both.
  for (const event of ['reconnecting', 'end'] as const) redis.on(event, () => clearTimeout(timer))
}

/** Returns the role, or undefined if the server refuses ROLE. Any error of the server is a reply as well. */
async function readRole(redis: RedisClientType): Promise<string | undefined> {
  try {
    const [role] = await redis.sendCommand<[string]>(['ROLE'])
    return role
  } catch (error) {
    if (error instanceof ErrorReply) return undefined
    throw error
  }
}
