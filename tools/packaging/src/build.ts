// How a package of this repository is built for npm: `tsdown.config.ts` of the package calls `libraryConfig`.

import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { UserConfig } from 'tsdown'

export type Plugin = Extract<UserConfig['plugins'], { readonly name: string }>

interface Library {
  /** Source file of each entry, by its name in `dist`. */
  readonly entry: Readonly<Record<string, string>>
  /** Modules that read files of the repository when they load. The build runs them and writes their exports as constants. */
  readonly constants?: readonly string[] | undefined
}

/**
 * Builds a library as ES modules (`.mjs`) and CommonJS (`.cjs`), each with its types and source maps.
 * The code is bundled but readable: a stack trace names functions, and `--enable-source-maps` the sources.
 */
export function libraryConfig({ entry, constants = [] }: Library): UserConfig {
  return {
    entry: { ...entry },
    format: ['esm', 'cjs'],
    platform: 'node',
    tsconfig: 'tsconfig.build.json',
    dts: true,
    sourcemap: true,
    // A file of the same name in each version: traces and caches of a consumer can be compared.
    hash: false,
    plugins: [evaluate(constants)],
    // CommonJS is what Jest and `ts-jest` of today load.
    checks: { legacyCjs: false },
    report: false,
    failOnWarn: true,
  }
}

/** Replaces modules by what they export when the build runs, which must be JSON. */
export function evaluate(modules: readonly string[]): Plugin {
  const paths = new Set(modules.map((path) => resolve(path)))
  return {
    name: 'evaluate',
    async load(id: string) {
      if (!paths.has(id)) return null
      const exported = (await import(pathToFileURL(id).href)) as Readonly<Record<string, unknown>>
      return Object.entries(exported)
        .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)}\n`)
        .join('')
    },
  }
}
