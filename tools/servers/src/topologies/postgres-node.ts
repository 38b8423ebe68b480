import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { LocalError } from '../errors.ts'
import { openServerFolder } from '../folders.ts'
import type { OsUser } from '../os-user.ts'
import { LOOPBACK, onFreePort } from '../ports.ts'
import { POSTGRES_USER, type PostgresBinaries } from '../postgres-cluster.ts'
import { DATABASE, spawnPostgres } from '../postgres.ts'
import { clearPostmaster } from '../postmaster.ts'
import { waitUntilReady } from '../server-process.ts'
import { createNode, type Running, type TopologyNode } from './node.ts'

/** A PostgreSQL of a trio. */
export interface PostgresNode extends TopologyNode {
  /** Leads to this server alone, with the password. */
  readonly url: string
  /** Holds its data in `data` and its log. */
  readonly folder: string
  /** Runs a statement over a separate connection. */
  query<Row extends object>(statement: string): Promise<Row[]>
}

/** What the nodes of a trio share. */
export interface PostgresSetup {
  readonly binaries: PostgresBinaries
  readonly osUser: OsUser
  readonly password: string
}

const START_TIMEOUT_MS = 60_000
const run = promisify(execFile)

/** Starts a server on the cluster in `folder`, on a free port. */
export async function startPostgresNode(
  setup: PostgresSetup,
  name: string,
  folder: string,
): Promise<PostgresNode> {
  const base = (port: number) => `postgres://${POSTGRES_USER}:${setup.password}@${LOOPBACK}:${port}`
  const { port, first } = await onFreePort(async (port) => ({ port, first: await launch(port) }))

  async function launch(port: number): Promise<Running> {
    const opened = await openServerFolder(name, folder)
    const dataFolder = dataOf(folder)
    await clearPostmaster(dataFolder)
    const server = await spawnPostgres({ ...setup, folder: opened, dataFolder, port, settings: [] }).catch(
      (error: unknown) => {
        opened.close()
        throw error
      },
    )
    const ended = server.exited.then(() => opened.close())
    // A stranger on this port would refuse the password.
    const answers = async () => (await query(`${base(port)}/postgres`, 'select 1')).length === 1
    const problem = await waitUntilReady(server, answers, START_TIMEOUT_MS)
    if (problem === undefined) return { pid: server.pid, ended }
    await server.stop()
    await ended
    throw new LocalError('POSTGRES_UNAVAILABLE', `${name} did not start: ${problem}\n${server.logTail()}`)
  }

  const url = `${base(port)}/${DATABASE}`
  return {
    ...createNode(name, port, first, () => launch(port)),
    url,
    folder,
    query: (statement) => query(url, statement),
  }
}

/** The data folder of a node's folder. */
export function dataOf(folder: string) {
  return join(folder, 'data')
}

/** Frees the segment of shared memory that a killed server leaves behind. */
export async function freeSharedMemory(folder: string) {
  const file = join(dataOf(folder), 'postmaster.pid')
  const [, , , , , , segment = ''] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  const [, id] = segment.trim().split(/\s+/u)
  // Without the tool, 56 bytes stay until the machine starts again.
  if (id !== undefined) await run('ipcrm', ['-m', id]).catch(() => {})
}

export async function query<Row extends object>(url: string, statement: string): Promise<Row[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    return [...(await sql.unsafe<Row[]>(statement))]
  } finally {
    await sql.end({ timeout: 1 })
  }
}
