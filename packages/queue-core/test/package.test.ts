import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, inject, onTestFinished, test, vi } from 'vitest'
import { eventually } from '@titan/testkit'

const execute = promisify(execFile)

// Other programs are started here, beside whatever else this machine does.
const LONG_MS = 120_000
vi.setConfig({ testTimeout: LONG_MS })
const root = fileURLToPath(new URL('../', import.meta.url))
const workspace = fileURLToPath(new URL('../../../', import.meta.url))
const folder = await mkdtemp(join(await realpath(tmpdir()), 'titan-package-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The pnpm that runs the tests, or else the one that the README names. */
const runner = process.env['npm_execpath'] ?? ''
const [pnpm, ...first]: readonly [string, ...string[]] = !basename(runner).startsWith('pnpm')
  ? ['npx', '--yes', 'pnpm@12']
  : /\.[cm]?js$/.test(runner)
    ? [process.execPath, runner]
    : [runner]

async function runPnpm(cwd: string, ...args: string[]): Promise<void> {
  const env = { ...process.env, pnpm_config_verify_deps_before_run: 'false' }
  await execute(pnpm, [...first, ...args], { cwd, env, shell: process.platform === 'win32' })
}

/** Packs the library and installs it in a folder that knows nothing of the workspace, without a network. */
async function install(): Promise<string> {
  await runPnpm(root, 'pack', '--pack-destination', folder)
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))
  const link = async (name: string): Promise<string> =>
    `link:${await realpath(join(root, 'node_modules', name))}`
  const dependencies = { '@titan/queue-core': `file:${tarball}`, redis: await link('redis') }
  const overrides = {
    croner: await link('croner'),
    '@standard-schema/spec': await link('@standard-schema/spec'),
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
  await writeFile(join(folder, 'pnpm-workspace.yaml'), JSON.stringify({ overrides }))
  await runPnpm(folder, 'install', '--offline')
  return join(folder, 'node_modules/@titan/queue-core')
}

const installed = await install()

/** A file that the README says to write. */
async function fileOfReadme(name: string): Promise<string> {
  const readme = await readFile(join(installed, 'README.md'), 'utf8')
  const code = readme.split(`\`${name}\`:\n\n\`\`\`js\n`)[1]?.split('```')[0]
  if (code === undefined) throw new Error(`The README has no ${name}`)
  return code
}

const typed = `
import { createQueue, createWorker, createConsumer, QueueError, type Job, type QueueEvent } from '@titan/queue-core'
import { drain, recordEvents } from '@titan/queue-core/testing'
import { createClient, createCluster } from 'redis'

interface Jobs { greet: { name: string }; count: number }
const redis = createClient()
const queue = createQueue<Jobs>(redis, 'jobs')
const added: Promise<{ id: string; duplicate: boolean }> = queue.enqueue('greet', { name: 'Ada' }, { delayMs: 5 })
const worker = createWorker<Jobs>(createCluster({ rootNodes: [] }), 'jobs', {
  greet: (job: Job<'greet', { name: string }>, { signal, fence }) => [job.data.name, signal.aborted, fence.entryId],
  count: async (job) => job.data + 1,
}, { onEvent: (event: QueueEvent) => event.type === 'deadLettered' && event.cause })
const drained = drain<Jobs>(redis, 'jobs', { count: () => 1, greet: () => 1 }, { onEvent: recordEvents().onEvent })
const leases = createConsumer<Jobs>(redis, 'jobs').claim()
const code: 'QUEUE_FULL' extends QueueError['code'] ? true : false = true
// @ts-expect-error -- data of another type
void queue.enqueue('greet', { name: 5 })
// @ts-expect-error -- an unknown job
void queue.enqueue('greeting', { name: 'Ada' })
// @ts-expect-error -- a handler is missing
createWorker<Jobs>(redis, 'jobs', { count: () => 1 })
// @ts-expect-error -- no such option
createWorker<Jobs>(redis, 'jobs', { count: () => 1, greet: () => 1 }, { concurency: 1 })
export { added, drained, worker, leases, code }
`

test('the package holds the built library, its README and its licence, and nothing else', async () => {
  const names = await readdir(installed)
  expect(names.toSorted()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json'])
  const built = await readdir(join(installed, 'dist'))
  for (const entry of ['index', 'async', 'testing', 'text-of'])
    expect(built).toEqual(
      expect.arrayContaining(['.mjs', '.cjs', '.d.mts', '.d.cts'].map((end) => `${entry}${end}`)),
    )
  expect(built.filter((name) => !/\.(d\.[cm]ts|[cm]js|[cm]js\.map)$/.test(name))).toEqual([])
})

test('its manifest names real versions and files that exist', async () => {
  const text = await readFile(join(installed, 'package.json'), 'utf8')
  expect(text).not.toMatch(/catalog:|workspace:|\.\/src\//)
  for (const [file] of text.matchAll(/\.\/dist\/[\w./-]+/g))
    expect(existsSync(join(installed, file)), file).toBe(true)
  expect(JSON.parse(text)).toMatchObject({ type: 'module', engines: { node: '>=20' } })
})

test('the first worker of the README, in plain JavaScript, does what the README says', async () => {
  // A separate queue, because the ids of done jobs are remembered.
  const queue = `'emails-${randomUUID()}'`
  for (const name of ['worker.js', 'enqueue.js'])
    await writeFile(join(folder, name), (await fileOfReadme(name)).replaceAll("'emails'", queue))
  const env = { ...process.env, REDIS_URL: inject('redisUrl') }
  const worker = spawn(process.execPath, ['worker.js'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void worker.kill('SIGKILL'))
  const lines: string[] = []
  createInterface(worker.stdout).on('line', (line) => lines.push(line))
  await eventually(() => lines.includes('waiting for jobs'), { timeoutMs: LONG_MS })
  const { stdout } = await execute(process.execPath, ['enqueue.js'], { cwd: folder, env, timeout: LONG_MS })
  expect(stdout).toBe(
    "{ id: 'welcome-barbara', duplicate: false }\n{ id: 'welcome-barbara', duplicate: true }\n",
  )
  await eventually(() => lines.length === 4, { timeoutMs: LONG_MS })
  expect(lines.slice(1).toSorted()).toEqual([
    'sent to ada@example.com in attempt 1',
    'sent to barbara@example.com in attempt 1',
    'sent to grace@example.com in attempt 2',
  ])
  worker.kill('SIGTERM')
  await eventually(() => worker.exitCode === 0, { timeoutMs: LONG_MS })
})

test('a program in strict TypeScript finds its types', async () => {
  await writeFile(join(folder, 'typed.ts'), typed)
  const compilerOptions = {
    target: 'es2024',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }))
  const compiler = join(workspace, 'node_modules/typescript/bin/tsc')
  const outcome = await execute(process.execPath, [compiler], { cwd: folder }).then(
    () => 'no errors',
    (error: Error & { stdout?: string }) => error.stdout || error.message,
  )
  expect(outcome).toBe('no errors')
})
