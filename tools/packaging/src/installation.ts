import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Consumer } from './consumers.ts'

const execute = promisify(execFile)
const CONSUMERS = fileURLToPath(new URL('../consumers/', import.meta.url))
const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url))
const NPM_OPTIONS = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']

/** A packed library, installed with npm among the tools of its consumers. */
export interface Installation {
  /** To be removed with all that is in it. */
  readonly folder: string
  readonly tarball: string
  /** Node programs by major version: the installed ones, and the one that runs this. */
  readonly nodes: ReadonlyMap<number, string>
}

/** Packs a package of the workspace with the command of its README, and installs it in a temporary folder. */
export async function installPacked(name: string): Promise<Installation> {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'titan-install-'))
  const installed = join(folder, 'installed')
  await mkdir(join(folder, 'bundles'))
  await cp(CONSUMERS, installed, { recursive: true })
  await execute('npx', ['--yes', 'pnpm@12', '--filter', name, 'pack', '--pack-destination', installed], {
    cwd: REPOSITORY,
  })
  const file = (await readdir(installed)).find((entry) => entry.endsWith('.tgz')) ?? ''
  // `npm ci` refuses a lockfile that lacks an optional package of another platform.
  await execute('npm', ['install', '--no-save', ...NPM_OPTIONS, `./${file}`], { cwd: installed })
  return { folder, tarball: join(installed, file), nodes: await findNodes(installed) }
}

async function findNodes(installed: string): Promise<Map<number, string>> {
  const nodes = new Map<number, string>()
  for (const entry of await readdir(join(installed, 'node_modules'))) {
    const major = entry.match(/^node-(\d+)-/)?.[1]
    if (major !== undefined) nodes.set(Number(major), join(installed, 'node_modules', entry, 'bin/node'))
  }
  return nodes.set(Number.parseInt(process.versions.node, 10), process.execPath)
}

/** Writes a consumer's files and prepares them. @returns its folder */
export async function prepareConsumer({ folder }: Installation, consumer: Consumer): Promise<string> {
  const own = join(folder, 'installed', consumer.name.replaceAll(/\W+/g, '-'))
  await cp(join(CONSUMERS, 'src'), own, { recursive: true })
  const files = { ...consumer.files, 'package.json': JSON.stringify({ type: consumer.type }) }
  for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text)
  if (consumer.prepare !== undefined) await runScript(process.execPath, own, consumer.prepare)
  return own
}

/** Runs a script of the folder, or of an installed package. @returns what it wrote @throws Error with what it wrote */
export async function runScript(
  node: string,
  folder: string,
  [script = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const isOwn = existsSync(join(folder, script))
  const path = isOwn ? script : join('../node_modules', script)
  try {
    const { stdout } = await execute(node, [path, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      timeout: 120_000,
    })
    return stdout.trim()
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error })
  }
}
