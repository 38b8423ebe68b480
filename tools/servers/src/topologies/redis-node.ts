import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeError, LocalError } from '../errors.ts'
import { openServerFolder } from '../folders.ts'
import { onFreePort } from '../ports.ts'
import type { RedisProgram } from '../redis-binary.ts'
import { spawnServer, waitUntilReady } from '../server-process.ts'
import { createNode, type Running, type TopologyNode } from './node.ts'
import { sendTo, type RedisAccess } from './redis-access.ts'

/** A Redis or a Sentinel of a topology. */
export interface RedisNode extends TopologyNode {
  /** With the topology's own login, which may do everything. */
  readonly url: string
  /** Holds its data, its configuration and its log. */
  readonly folder: string
  /** Sends one command over a separate connection. */
  send<Reply = unknown>(...command: (string | number)[]): Promise<Reply>
}

/** What a {@link RedisNode} is made of. */
export interface RedisNodeOptions {
  readonly name: string
  /** A fresh folder. */
  readonly folder: string
  readonly program: RedisProgram
  readonly access: RedisAccess
  /** The lines of its configuration. Redis and Sentinel rewrite the file when their role changes. */
  readonly config: readonly string[]
  readonly isSentinel?: boolean
}

const START_TIMEOUT_MS = 30_000

/** Starts a server with a configuration file in its folder, on a free port. */
export async function startRedisNode(options: RedisNodeOptions): Promise<RedisNode> {
  const { name, folder, access, config } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { port, first } = await onFreePort(async (port) => {
    const lines = [...access.config(port, folder), `dir ${JSON.stringify(folder)}`, ...config]
    writeFileSync(configFile(folder), `${lines.join('\n')}\n`, { mode: 0o600 })
    return { port, first: await launch(options, port) }
  })
  return {
    ...createNode(name, port, first, () => launch(options, port)),
    url: access.urlOf(port),
    folder,
    send: (...command) => sendTo(access, port, command.map(String)),
  }
}

/** Whether the replica follows this very master and has its data. */
export async function isInStep(replica: RedisNode, { port }: RedisNode) {
  const info = await replica.send<string>('INFO', 'replication')
  return info.includes(`master_port:${port}\r`) && info.includes('master_link_status:up')
}

async function launch(options: RedisNodeOptions, port: number): Promise<Running> {
  const { name, folder, program, access, isSentinel = false } = options
  const opened = await openServerFolder(name, folder)
  const server = await spawnServer({
    command: program.command,
    args: [configFile(folder), ...(isSentinel ? ['--sentinel'] : [])],
    env: program.env,
    logFile: join(folder, 'server.log'),
    stopSignal: 'SIGTERM',
    lock: opened.lock,
  }).catch((error: unknown) => {
    opened.close()
    throw new LocalError('REDIS_UNAVAILABLE', `${name} did not start: ${describeError(error)}`)
  })
  const ended = server.exited.then(() => opened.close())
  const isOurs = async () => {
    // A stranger may have taken the port first.
    const info = await sendTo<string>(access, port, ['INFO', 'server'])
    return new RegExp(String.raw`^process_id:${server.pid}\r?$`, 'mu').test(info)
  }
  const problem = await waitUntilReady(server, isOurs, START_TIMEOUT_MS)
  if (problem === undefined) return { pid: server.pid, ended }
  await server.kill()
  await ended
  const where = `${name}, ${program.product} ${program.version}, did not start on port ${port} in ${folder}`
  throw new LocalError('REDIS_UNAVAILABLE', `${where}: ${problem}\n${server.logTail()}`.trimEnd())
}

function configFile(folder: string) {
  return join(folder, 'redis.conf')
}
