import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { LocalError } from '../errors.ts'
import { openServerFolder } from '../folders.ts'
import { findOsUser } from '../os-user.ts'
import { LOOPBACK, onFreePort } from '../ports.ts'
import { giveTo } from '../postgres-cluster.ts'
import { spawnServer, waitUntilReady } from '../server-process.ts'
import { createNode, type Running, type TopologyNode } from './node.ts'
import { findProgram, type Program } from './programs.ts'

/** A PgBouncer in transaction mode. */
export interface PgBouncer extends TopologyNode {
  /** Such as `1.18.0`. */
  readonly version: string
  /** The URL of the server, through it. */
  readonly url: string
  stop(): Promise<void>
}

const START_TIMEOUT_MS = 10_000

/**
 * Starts PgBouncer, of PATH or of Debian's package, before the server of `url`, in a fresh folder below `folder`.
 *
 * @param settings of its section `[pgbouncer]`
 * @throws LocalError `PROGRAM_UNAVAILABLE` with the reason
 */
export async function startPgBouncer(
  folder: string,
  url: string,
  settings: Readonly<Record<string, string>>,
): Promise<PgBouncer> {
  const program = await findProgram('pgbouncer')
  mkdirSync(folder, { recursive: true })
  const home = mkdtempSync(join(folder, 'pgbouncer-'))
  const version = versionOf(program)
  const { port, first } = await onFreePort(async (port) => {
    writeFileSync(join(home, 'pgbouncer.ini'), configuration(port, url, settings), { mode: 0o600 })
    return { port, first: await launch(program, home, port) }
  })
  const node = createNode('pgbouncer', port, first, () => launch(program, home, port))
  const through = new URL(url)
  through.port = String(port)
  return { ...node, version, url: through.href, stop: () => node.kill() }
}

function versionOf({ command, env }: Program) {
  const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const
  return /\d+(?:\.\d+)+/.exec(execFileSync(command, ['--version'], options))?.[0] ?? ''
}

/** It asks no client for a password, and logs in with that of the URL: it serves tests on the loopback address. */
function configuration(port: number, url: string, settings: Readonly<Record<string, string>>) {
  const { port: serverPort, username, password } = new URL(url)
  const all = {
    listen_addr: LOOPBACK,
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: 'transaction',
    ...settings,
  }
  return [
    '[databases]',
    `* = host=${LOOPBACK} port=${serverPort} user=${username} password=${password}`,
    '[pgbouncer]',
    ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
    '',
  ].join('\n')
}

async function launch({ command, env }: Program, home: string, port: number): Promise<Running> {
  const osUser = findOsUser([command, home])
  for (const path of [home, join(home, 'pgbouncer.ini')]) giveTo(osUser, path)
  const opened = await openServerFolder('PgBouncer', home)
  const server = await spawnServer({
    ...osUser.wrap(command, ['--quiet', join(home, 'pgbouncer.ini')]),
    env,
    logFile: join(home, 'server.log'),
    stopSignal: 'SIGINT',
    lock: opened.lock,
  })
  const ended = server.exited.then(() => opened.close())
  const problem = await waitUntilReady(server, () => accepts(port), START_TIMEOUT_MS)
  if (problem === undefined) return { pid: server.pid, ended }
  await server.kill()
  await ended
  throw new LocalError('PROGRAM_UNAVAILABLE', `PgBouncer did not start: ${problem}\n${server.logTail()}`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK)
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
