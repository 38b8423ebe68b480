// How a program of this repository is built for npm: `tsdown.config.ts` of the package calls `programConfig`.

import { globSync, readFileSync } from 'node:fs'
import { join, posix, relative, resolve } from 'node:path'
import type { UserConfig } from 'tsdown'
import { evaluate, type Plugin } from './build.ts'

const REPOSITORY = resolve(import.meta.dirname, '../../..')

interface Program {
  /** Source file of each entry, by its name in the package. */
  readonly entry: Readonly<Record<string, string>>
  /** As of `libraryConfig`. */
  readonly constants?: readonly string[] | undefined
  /** Files of the repository that the program reads, as patterns. */
  readonly assets?: readonly string[] | undefined
  /** Dependencies that the program loads by `require`, and that npm has to install. */
  readonly dependencies?: readonly string[] | undefined
  /** Modules of types that the package exports, each built by `typesConfig`. */
  readonly types?: readonly string[] | undefined
}

/**
 * Builds a program as ES modules into `dist`, which is the package that is published: manifest, README and licence are
 * written there. Packages of this repository and of others are bundled in, because the first are private and some of the
 * others are patched here.
 */
export function programConfig({
  entry,
  constants = [],
  assets = [],
  dependencies = [],
  types = [],
}: Program): UserConfig {
  return {
    entry: { ...entry },
    format: 'esm',
    platform: 'node',
    target: 'node22',
    dts: false,
    hash: false,
    deps: { alwaysBundle: [/./u], onlyBundle: false, neverBundle: [...dependencies] },
    plugins: [evaluate(constants), keepPaths(), addFiles(assets, dependencies, types)],
    report: false,
  }
}

/** Builds types into the same package, which exports them; `tsconfig` includes little else. */
export function typesConfig(entry: Readonly<Record<string, string>>, tsconfig: string): UserConfig {
  return {
    entry: { ...entry },
    format: 'esm',
    platform: 'node',
    clean: false,
    hash: false,
    tsconfig,
    dts: { dtsOnly: true },
    // The packages of this repository that the types come from are private.
    deps: { alwaysBundle: [/^@titan\//u], onlyBundle: false },
    report: false,
  }
}

/** Lets each module find its files as if it were at its path in the repository, which is `files` of the package. */
function keepPaths(): Plugin {
  return {
    name: 'keep-paths',
    transform(code: string, id: string) {
      if (!id.startsWith(REPOSITORY) || id.includes('node_modules') || !code.includes('import.meta.url'))
        return null
      const path = JSON.stringify(`./files/${relative(REPOSITORY, id).replaceAll('\\', '/')}`)
      return { code: code.replaceAll('import.meta.url', `new URL(${path}, import.meta.url).href`), map: null }
    },
  }
}

function addFiles(
  assets: readonly string[],
  dependencies: readonly string[],
  types: readonly string[],
): Plugin {
  return {
    name: 'add-files',
    generateBundle() {
      const add = (fileName: string, source: string) =>
        void this.emitFile({ type: 'asset', fileName, source })
      for (const file of globSync([...assets], { cwd: REPOSITORY }))
        add(`files/${file.replaceAll('\\', '/')}`, readAsset(resolve(REPOSITORY, file)))
      const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
      add('package.json', `${JSON.stringify(publishedManifest(manifest, dependencies, types), null, 2)}\n`)
      add('README.md', publishedReadme(readFileSync('README.md', 'utf8'), manifest))
      add('LICENSE', readFileSync(resolve(REPOSITORY, 'LICENSE'), 'utf8'))
      add('THIRD-PARTY-LICENSES', licencesOf(this.getModuleIds()))
    },
  }
}

/** A manifest within a package says nothing but its version. */
function readAsset(path: string) {
  const content = readFileSync(path, 'utf8')
  return path.endsWith('package.json')
    ? JSON.stringify({ version: (JSON.parse(content) as Manifest).version })
    : content
}

interface Manifest extends Readonly<Record<string, unknown>> {
  readonly version: string
  readonly bin: Readonly<Record<string, string>>
  readonly repository: { readonly url: string; readonly directory: string }
}

/** The members of the manifest that mean something outside the repository. */
const PUBLISHED = [
  'name',
  'version',
  'description',
  'homepage',
  'bugs',
  'license',
  'repository',
  'type',
  'engines',
]

function publishedManifest(manifest: Manifest, dependencies: readonly string[], types: readonly string[]) {
  const toBuilt = (file: string) => file.replace('./src/', './').replace(/\.ts$/u, '.mjs')
  return {
    ...Object.fromEntries(PUBLISHED.map((name) => [name, manifest[name]])),
    exports: {
      ...Object.fromEntries(types.map((name) => [`./${name}`, { types: `./${name}.d.mts` }])),
      './package.json': './package.json',
    },
    bin: Object.fromEntries(Object.entries(manifest.bin).map(([name, file]) => [name, toBuilt(file)])),
    dependencies: Object.fromEntries(dependencies.map((name) => [name, versionOf(name)])),
  }
}

/** The version in the catalog of the workspace. */
function versionOf(name: string) {
  const workspace = readFileSync(resolve(REPOSITORY, 'pnpm-workspace.yaml'), 'utf8')
  const version = new RegExp(`^  '?${name}'?: (.+)$`, 'mu').exec(workspace)?.[1]
  if (version === undefined) throw new Error(`${name} has no version in the catalog of pnpm-workspace.yaml`)
  return version
}

/** The README with addresses of the repository, because npm resolves no relative links. */
function publishedReadme(readme: string, { repository: { url, directory } }: Manifest) {
  const base = `${url.replace(/^git\+|\.git$/gu, '')}/blob/main`
  return readme.replaceAll(
    /\]\((\.[^)]+)\)/gu,
    (_, link: string) => `](${base}/${posix.join(directory, link)})`,
  )
}

/** The licences of the bundled packages, which each of them asks to be kept with it. */
function licencesOf(modules: Iterable<string>) {
  const roots = new Set<string>()
  for (const id of modules) {
    const root = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/u.exec(
      id.replaceAll('\\', '/').replace('\0', ''),
    )?.[0]
    if (root !== undefined) roots.add(root)
  }
  const texts = [...roots].map((root) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
      string,
      string
    >
    const file = globSync(['LICEN[CS]E*', 'licen[cs]e*'], { cwd: root })[0]
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(root, file), 'utf8').trim() : ''}\n`
  })
  return texts.toSorted().join(`\n${'-'.repeat(80)}\n\n`)
}
