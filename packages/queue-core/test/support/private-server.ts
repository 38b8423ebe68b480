import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis, type RedisServer } from '@titan/servers'
import { createClient } from 'redis'

/** A Redis of one test, which may be broken in every way. */
export interface PrivateServer {
  readonly port: number
  readonly url: string
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
  /** Ends it in good order. */
  stop(): Promise<void>
  /** Starts it anew on the same port; with its data if it is persistent. */
  start(...moreArgs: string[]): Promise<void>
  /** SIGSTOP: it keeps its connections and answers nothing. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
  /** Sends one command over a separate connection. */
  admin<Reply = unknown>(...args: (string | number)[]): Promise<Reply>
  /** Ends it for good and removes its data. */
  remove(): Promise<void>
}

/** How to start a {@link PrivateServer}. */
export interface PrivateServerOptions {
  /** Keeps an append-only file, written out before each answer. @default false */
  readonly persistent?: boolean
  /** More arguments of the server. */
  readonly args?: readonly string[]
}

export async function startPrivateServer(options: PrivateServerOptions = {}): Promise<PrivateServer> {
  const { persistent = false, args = [] } = options
  const dataDir = persistent ? mkdtempSync(join(tmpdir(), 'titan-private-redis-')) : undefined
  const common = {
    ...(dataDir === undefined ? {} : { dataDir }),
    args: ['--appendfsync', 'always', '--enable-debug-command', 'local', ...args],
  }
  let server: RedisServer = await startRedis(common)
  const { port, url } = server
  let isFrozen = false

  function signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    if (server.pid === undefined) throw new Error('A server in a container cannot be frozen')
    process.kill(server.pid, name)
    isFrozen = name === 'SIGSTOP'
  }

  return {
    port,
    url,
    kill: () => server.kill(),
    stop: () => server.stop(),
    async start(...moreArgs) {
      server = await startRedis({ ...common, port, args: [...common.args, ...moreArgs] })
    },
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    async admin<Reply>(...command: (string | number)[]) {
      const client = createClient({ url, RESP: 2 })
      client.on('error', () => undefined)
      await client.connect()
      try {
        return await client.sendCommand<Reply>(command.map(String))
      } finally {
        client.destroy()
      }
    },
    async remove() {
      if (isFrozen) signal('SIGCONT')
      await server.stop()
      if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
