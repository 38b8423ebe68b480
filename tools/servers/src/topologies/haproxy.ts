import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, LOOPBACK, onFreePort } from '../ports.ts'
import { createNode, type TopologyNode } from './node.ts'
import { launchProgram } from './program-node.ts'
import { findProgram } from './programs.ts'

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

/** Starts HAProxy, of PATH or of Debian's package, in a fresh folder below `folder`. */
export async function startHaproxy(folder: string, options: HaproxyOptions): Promise<Haproxy> {
  const program = await findProgram('haproxy')
  mkdirSync(folder, { recursive: true })
  const home = mkdtempSync(join(folder, 'haproxy-'))
  // Its own pages have their own port. The path tells it from a stranger.
  const pages = `/${randomUUID()}`
  const status = (at: number) => fetch(`http://${LOOPBACK}:${at}${pages};csv`)
  function launch(at: number) {
    return launchProgram({
      name: 'HAProxy',
      program,
      // In the foreground.
      args: ['-db', '-f', join(home, 'haproxy.cfg')],
      folder: home,
      isReady: async () => (await status(at)).ok,
    })
  }
  const { port, statusPort, first } = await onFreePort(async (port) => {
    const statusPort = await findFreePort()
    writeFileSync(join(home, 'haproxy.cfg'), configuration(port, statusPort, pages, options))
    return { port, statusPort, first: await launch(statusPort) }
  })
  const node = createNode('haproxy', port, first, () => launch(statusPort))
  return {
    ...node,
    url: `http://${LOOPBACK}:${port}`,
    async backendsUp() {
      const up = (await (await status(statusPort)).text()).matchAll(/^servers,port-(?<port>\d+),.*,UP,/gmu)
      return [...up].map(({ groups }) => Number(groups?.['port']))
    },
    stop: () => node.kill(),
  }
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
