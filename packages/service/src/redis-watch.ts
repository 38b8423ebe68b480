import { ErrorReply, type RedisClientType } from 'redis'

/** How long after an answer a connection is asked again what it leads to, in milliseconds. */
const ASK_AFTER_MS = 3_000
/** How long that answer may take, in milliseconds. */
const SILENT_AFTER_MS = 5_000
/** How long after it was opened a connection to a replica is left for another one, in milliseconds. */
const LEAVE_AFTER_MS = 1_000

/** The clients whose server is a replica, as far as is known. */
const onReplica = new WeakSet<object>()

/** Whether a client has a connection that takes writes, as far as is known. */
export function isWritable(redis: RedisClientType): boolean {
  return redis.isReady && !onReplica.has(redis)
}

/** Options of {@link watchRedis}. */
export interface WatchOptions {
  /** Whether a replica will do. */
  readonly acceptsReplica: boolean
  /** Called when a new connection can be used. */
  readonly onUsable: () => void
}

/**
 * Replaces the connection of a client that gives no answers, or that leads to a replica: a server that is demoted keeps
 * its connections, and only a new one finds the server that the address leads to by now. It asks for the role, and
 * listens for READONLY, which is all there is where ROLE is forbidden.
 */
export function watchRedis(redis: RedisClientType, { acceptsReplica, onUsable }: WatchOptions): void {
  let timer: NodeJS.Timeout | undefined
  let openedAt = 0
  let isNew = false
  let isLeaving = false
  let isTold = false

  function plan(next: () => void, afterMs: number): void {
    clearTimeout(timer)
    timer = setTimeout(next, afterMs)
  }

  function ask(): void {
    let isAnswered = false
    // A moment later: an answer that came while this process was busy is read first.
    plan(() => setImmediate(() => isAnswered || replaceSilent()), SILENT_AFTER_MS)
    readRole(redis)
      .then(judge)
      // A connection that breaks is mended by the client, and its next 'ready' asks again.
      .catch(() => clearTimeout(timer))
      .finally(() => {
        isAnswered = true
      })
  }

  function judge(role: string | undefined): void {
    if (isLeaving) return
    if (role === 'slave' && !acceptsReplica) return leave()
    // Where the role is unknown, READONLY would have told it by the second time.
    if (role !== undefined || !isNew) onReplica.delete(redis)
    isNew = false
    if (!isTold && !onReplica.has(redis)) onUsable()
    isTold = !onReplica.has(redis)
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

  function replaceSilent(): void {
    replace(new Error(`no reply within ${SILENT_AFTER_MS} ms`))
  }

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
  // It may fall silent before it is ready, whoever opened it.
  redis.on('connect', () => plan(replaceSilent, SILENT_AFTER_MS))
  redis.on('ready', () => {
    openedAt = performance.now()
    isNew = true
    isLeaving = false
    isTold = false
    ask()
  })
  redis.on('end', () => clearTimeout(timer))
}

/** Any error of the server is an answer as well; undefined: it does not tell. */
async function readRole(redis: RedisClientType): Promise<string | undefined> {
  try {
    const [role] = await redis.sendCommand<[string]>(['ROLE'])
    return role
  } catch (error) {
    if (error instanceof ErrorReply) return undefined
    throw error
  }
}
