import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { unpackAptPackage, unpackedEnvironment } from '../apt.ts'
import { describeError, LocalError } from '../errors.ts'
import { cacheFolder } from '../folders.ts'

/** A program, and the variables that it needs. */
export interface Program {
  readonly command: string
  readonly env: Record<string, string>
}

/** Where Debian's programs are, also those of administrators. */
const FOLDERS = ['usr/sbin', 'usr/bin']

/**
 * Finds a program on PATH, else in the package of Debian or Ubuntu, which is unpacked into the project's cache.
 *
 * @throws LocalError `PROGRAM_UNAVAILABLE` with the reason
 */
export async function findProgram(
  name: string,
  packageName: string = name,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Program> {
  const onPath = [...(env['PATH'] ?? '').split(delimiter), ...FOLDERS.map((folder) => join('/', folder))]
  const installed = onPath.map((folder) => join(folder, name)).find(existsSync)
  if (installed !== undefined) return { command: installed, env: {} }
  try {
    const target = join(cacheFolder(env), `${packageName}-${process.arch}`)
    const root = await unpackAptPackage(packageName, target)
    const command = FOLDERS.map((folder) => join(root, folder, name)).find(existsSync)
    if (command === undefined) throw new Error(`the package ${packageName} has no ${name}`)
    return { command, env: unpackedEnvironment(root) }
  } catch (cause) {
    const text = `${name} is neither on PATH nor in a package of this system: ${describeError(cause)}`
    throw new LocalError('PROGRAM_UNAVAILABLE', text, { cause })
  }
}
