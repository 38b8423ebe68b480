import { existsSync, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { unpackAptPackage, unpackedEnvironment } from '../apt.ts'
import { describeError, LocalError } from '../errors.ts'
import { cacheFolder } from '../folders.ts'

/** A program, and the variables that it needs. */
export interface Program {
  readonly command: string
  readonly env: Record<string, string>
}

/**
 * Finds a program on PATH, else in the package of Debian or Ubuntu, which is unpacked into the project's cache.
 *
 * @throws LocalError `PROGRAM_UNAVAILABLE` with the reason
 */
export async function findProgram(name: string, packageName: string = name): Promise<Program> {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name))
  const installed = onPath.find(existsSync)
  if (installed !== undefined) return { command: installed, env: {} }
  const { root, found, env } = await findInstalled(packageName, `usr/{sbin,bin}/${name}`)
  return { command: join(root, found), env }
}

/**
 * Finds a path of a package: on this system, or in the package of Debian or Ubuntu, unpacked into the project's cache.
 * `pattern` is relative to the root; the last that fits, the newest version, is taken.
 *
 * @throws LocalError `PROGRAM_UNAVAILABLE` with the reason
 */
export async function findInstalled(packageName: string, pattern: string) {
  const search = (root: string) => globSync(pattern, { cwd: root }).toSorted().at(-1)
  const here = search('/')
  if (here !== undefined) return { root: '/', found: here, env: {} }
  try {
    const root = await unpackAptPackage(
      packageName,
      join(cacheFolder(process.env), `${packageName}-${process.arch}`),
    )
    const found = search(root)
    if (found === undefined) throw new Error('it is not in the package')
    return { root, found, env: unpackedEnvironment(root) }
  } catch (cause) {
    const text = `This system has no ${packageName}, and its package cannot be had: ${describeError(cause)}`
    throw new LocalError('PROGRAM_UNAVAILABLE', text, { cause })
  }
}
