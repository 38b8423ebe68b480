import { codeOf, textOf } from '@titan/queue-core/text-of'
import { resolve as resolveImport } from 'import-meta-resolve'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure } from './program.ts'

/**
 * Loads the function that a module exports as its default. A path begins with `.` or `/` and is relative to `directory`; a
 * package is found from there. `setting`: the name of the variable that names the module, for errors.
 *
 * @throws Failure
 */
export async function loadDefault(
  setting: string,
  module: string,
  directory = process.cwd(),
): Promise<(...given: never[]) => unknown> {
  const loaded = await load(setting, module, directory)
  if (typeof loaded.default === 'function') return loaded.default as (...given: never[]) => unknown
  throw new Failure(`${setting} ${module} must export a function as its default`)
}

async function load(setting: string, module: string, directory: string) {
  try {
    return (await import(locateModule(module, directory))) as { readonly default?: unknown }
  } catch (error) {
    throw new Failure(`${setting} ${module} cannot be loaded: ${firstLineOf(error)}`, { cause: error })
  }
}

/** The lines that follow name the files that asked for it, which are ours. */
function firstLineOf(error: unknown): string {
  return textOf(error).split('\n', 1)[0] ?? ''
}

/** Returns the URL of a module: of a path, which begins with `.` or `/`, or of a package. @throws Error */
export function locateModule(module: string, directory: string = process.cwd()): string {
  const isPath = module.startsWith('.') || isAbsolute(module)
  return isPath ? pathToFileURL(resolve(directory, module)).href : locatePackage(module, directory)
}

/** Finds a package as `require` does; one that exports itself to `import` alone as that does. */
function locatePackage(name: string, directory: string): string {
  const from = join(directory, 'package.json')
  try {
    return pathToFileURL(createRequire(from).resolve(name)).href
  } catch (error) {
    if (codeOf(error) !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error
    return resolveImport(name, pathToFileURL(from).href)
  }
}
