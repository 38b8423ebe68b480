import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { describeError } from '../errors.ts'
import { giveTo } from '../postgres-cluster.ts'
import type { OsUser } from '../os-user.ts'
import { dataOf, type PostgresNode } from './postgres-node.ts'

/** Of one running server: made empty in a copy. */
const EMPTY = [
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]
const SKIPPED = [...EMPTY, 'postmaster.pid', 'postmaster.opts', 'standby.signal', 'backup_label']

/**
 * Makes the folder of a node a standby's: a copy of a primary that runs meanwhile. The low-level way, because the
 * packaged PostgreSQL has no `pg_basebackup`.
 */
export async function copyPrimary(primary: PostgresNode, folder: string, osUser: OsUser) {
  const target = dataOf(folder)
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true, mode: 0o700 })
  for (const path of [folder, target]) giveTo(osUser, path)
  const sql = postgres(primary.url, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    // Both in one session.
    await sql`select pg_backup_start('titan', fast => true)`
    await copyFiles(dataOf(primary.folder), target)
    const [stopped] = await sql<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`
    writeFileSync(join(target, 'backup_label'), stopped?.labelfile ?? '', { mode: 0o600 })
  } finally {
    await sql.end({ timeout: 1 })
  }
  writeFileSync(join(target, 'standby.signal'), '', { mode: 0o600 })
  for (const name of EMPTY) mkdirSync(join(target, name), { mode: 0o700 })
  for (const name of [...EMPTY, 'backup_label', 'standby.signal']) giveTo(osUser, join(target, name))
}

/** Copies all but what belongs to one running server. Files that end meanwhile are restored from the WAL. */
async function copyFiles(from: string, to: string) {
  const names = readdirSync(from).filter((name) => !SKIPPED.includes(name))
  const env = { ...process.env, LC_ALL: 'C' }
  await new Promise<void>((resolve, reject) => {
    execFile('cp', ['-a', '--', ...names, to], { cwd: from, env }, (error, _stdout, stderr) => {
      const problems = stderr.split('\n').filter((line) => line !== '' && !line.includes('No such file'))
      if (error === null || (stderr !== '' && problems.length === 0)) resolve()
      else reject(new Error(`The data of a primary was not copied: ${problems[0] ?? describeError(error)}`))
    })
  })
}
