import { execFile } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Fetches a package of the distribution, with what it needs and the machine lacks, and unpacks it to `target`.
 * Works on Debian and Ubuntu, needs no root, and leaves the system's packages, lists and caches alone: apt works
 * on private lists, which also makes up for lists that are missing or stale.
 *
 * Answers `target`, which is complete or absent at any time. `onFetch` is called when there is something to fetch.
 */
export async function unpackAptPackage(packageName: string, target: string, onFetch = () => {}) {
  if (existsSync(target)) return target
  onFetch()
  mkdirSync(dirname(target), { recursive: true })
  const work = mkdtempSync(`${target}.`)
  try {
    const packages = join(work, 'packages')
    for (const folder of ['lists/partial', 'cache/archives/partial', 'packages', 'root'])
      mkdirSync(join(work, folder), { recursive: true })
    const settings = [
      `Dir::State::Lists=${join(work, 'lists')}`,
      `Dir::Cache=${join(work, 'cache')}`,
      `Dir::Cache::pkgcache=`,
      `Dir::Cache::srcpkgcache=`,
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
      'Debug::NoLocking=true',
      // A machine without a network would try for minutes.
      'Acquire::http::Timeout=5',
      'Acquire::https::Timeout=5',
      'Acquire::Retries=1',
    ].flatMap((setting) => ['-o', setting])
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
    const apt = async (...args: string[]) => {
      const options = { cwd: packages, env, maxBuffer: 64 * 1024 * 1024 }
      return (await run('apt-get', [...settings, '--quiet', ...args], options)).stdout
    }

    await apt('update')
    if (!readdirSync(join(work, 'lists')).some((file) => file.includes('_Packages')))
      throw new Error('its package servers could not be reached')
    const plan = await apt('--yes', '--no-install-recommends', '--print-uris', 'install', packageName)
    await apt('download', ...packagesInPlan(plan))
    for (const file of readdirSync(packages))
      await run('dpkg', ['-x', join(packages, file), join(work, 'root')])
    finish(join(work, 'root'), target)
    return target
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What a program needs to find the libraries that were unpacked with it to `root`. */
export function unpackedEnvironment(root: string) {
  const libraries = ['usr/lib', 'lib', ...globSync(['usr/lib/*/', 'lib/*/'], { cwd: root })]
  const inherited = process.env['LD_LIBRARY_PATH']
  const path = [...libraries.map((folder) => join(root, folder)), ...(inherited ? [inherited] : [])].join(':')
  return { LD_LIBRARY_PATH: path }
}

/** The package names in the output of `apt-get --print-uris install`, as `name=version`. */
export function packagesInPlan(plan: string) {
  const files = plan.matchAll(/^'[^']+' (?<name>[a-z0-9][a-z0-9.+-]*)_(?<version>[^_ ]+)_[a-z0-9]+\.deb /gmu)
  return [...files].map(
    ({ groups }) => `${groups?.['name']}=${decodeURIComponent(groups?.['version'] ?? '')}`,
  )
}

/** Moves the unpacked files into place; another process that was faster has done the same work. */
function finish(root: string, target: string) {
  try {
    renameSync(root, target)
  } catch (error) {
    if (!existsSync(target)) throw error
  }
}
