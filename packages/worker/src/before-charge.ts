import type { BeforeCharge } from '@titan/payments'
import { textOf } from '@titan/queue-core/text-of'
import { Failure } from '@titan/service'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Loads the hook that a module exports. A path is relative to `directory`, a package is found from there. @throws Failure */
export async function loadBeforeCharge(module: string, directory = process.cwd()): Promise<BeforeCharge> {
  const loaded = await load(module, directory)
  if (typeof loaded.default === 'function') return loaded.default as BeforeCharge
  throw new Failure(`BEFORE_CHARGE ${module} must export a function as its default`)
}

async function load(module: string, directory: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(locate(module, directory))) as { readonly default?: unknown }
  } catch (error) {
    throw new Failure(`BEFORE_CHARGE ${module} cannot be loaded: ${textOf(error)}`, { cause: error })
  }
}

function locate(module: string, directory: string): string {
  const isPath = module.startsWith('.') || isAbsolute(module)
  const path = isPath
    ? resolve(directory, module)
    : createRequire(join(directory, 'package.json')).resolve(module)
  return pathToFileURL(path).href
}
