import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LocalError } from '../errors.ts'
import { openServerFolder } from '../folders.ts'
import { findFreePort, LOOPBACK, onFreePort } from '../ports.ts'
import { spawnServer, waitUntilReady } from '../server-process.ts'
import { createNode, type Running, type TopologyNode } from './node.ts'
import { findProgram, type Program } from './programs.ts'

/** How to start an {@link Haproxy}. */
export interface HaproxyOptions {
  readonly backends: readonly {
    readonly port: number
    /** Answers the check. @default `port` */
    readonly checkPort?: number
  }[]
  /** The path that answers 200 while a backend may be used, for example `/readyz`. */
  readonly check: string
  /** `tcp` passes bytes on, and ends the connections of a backend that fails its check. @default 'http' */
  readonly mode?: 'http' | 'tcp'
  /** @default 500 ms */
  readonly checkIntervalMs?: number
}

/** A proxy before several servers. */
export interface Haproxy extends TopologyNode {
  /** `http://` of the proxy. */
  readonly url: string
  /** The ports of the backends that pass the check. */
  backendsUp(): Promise<number[]>
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 10_000

/** Starts HAProxy, of PATH or of Debian's package, in a fresh folder below `folder`. */
export async function startHaproxy(folder: string, options: HaproxyOptions): Promise<Haproxy> {
  const program = await findProgram('haproxy')
  mkdirSync(folder, { recursive: true })
  const home = mkdtempSync(join(folder, 'haproxy-'))
  // Its own pages have their own port. The path tells it from a stranger.
  const pages = `/${randomUUID()}`
  const { port, statusPort, first } = await onFreePort(async (port) => {
    const statusPort = await findFreePort()
    writeFileSync(join(home, 'haproxy.cfg'), configuration(port, statusPort, pages, options))
    return { port, statusPort, first: await launch(program, home, statusUrl(statusPort)) }
  })
  function statusUrl(at: number) {
    return `http://${LOOPBACK}:${at}${pages};csv`
  }
  const node = createNode('haproxy', port, first, () => launch(program, home, statusUrl(statusPort)))
  return {
    ...node,
    url: `http://${LOOPBACK}:${port}`,
    async backendsUp() {
      const response = await fetch(statusUrl(statusPort))
      const up = (await response.text()).matchAll(/^servers,port-(?<port>\d+),.*,UP,/gmu)
      return [...up].map(({ groups }) => Number(groups?.['port']))
    },
    stop: () => node.kill(),
  }
}

async function launch({ command, env }: Program, home: string, statusUrl: string): Promise<Running> {
  const opened = await openServerFolder('HAProxy', home)
  const server = await spawnServer({
    command,
    // In the foreground.
    args: ['-db', '-f', join(home, 'haproxy.cfg')],
    env,
    logFile: join(home, 'server.log'),
    stopSignal: 'SIGTERM',
    lock: opened.lock,
  })
  const ended = server.exited.then(() => opened.close())
  const problem = await waitUntilReady(server, async () => (await fetch(statusUrl)).ok, START_TIMEOUT_MS)
  if (problem === undefined) return { pid: server.pid, ended }
  await server.kill()
  await ended
  throw new LocalError('PROGRAM_UNAVAILABLE', `HAProxy did not start: ${problem}\n${server.logTail()}`)
}

function configuration(port: number, statusPort: number, pages: string, options: HaproxyOptions) {
  const { backends, check, mode = 'http', checkIntervalMs = 500 } = options
  const end = mode === 'tcp' ? ' on-marked-down shutdown-sessions' : ''
  return [
    'defaults',
    `  mode ${mode}`,
    '  timeout connect 1s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  timeout check 1s',
    'frontend clients',
    `  bind ${LOOPBACK}:${port}`,
    '  default_backend servers',
    'backend servers',
    // A connection that is refused goes to another backend.
    '  option redispatch 1',
    '  option httpchk',
    `  http-check send meth GET uri ${check}`,
    '  http-check expect status 200',
    `  default-server check inter ${checkIntervalMs}ms fall 1 rise 1${end}`,
    ...backends.map(
      ({ port: backend, checkPort = backend }) =>
        `  server port-${backend} ${LOOPBACK}:${backend} port ${checkPort}`,
    ),
    'frontend status',
    '  mode http',
    `  bind ${LOOPBACK}:${statusPort}`,
    '  stats enable',
    `  stats uri ${pages}`,
    '',
  ].join('\n')
}
