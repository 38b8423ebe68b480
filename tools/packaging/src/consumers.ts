// The kinds of programs that must be able to use a packed library: compilers, module formats, bundlers, test runners.

/** A program in a separate folder below the installed packages. */
export interface Consumer {
  readonly name: string
  /** Format of its `.js` and `.ts` files. */
  readonly type: 'commonjs' | 'module'
  /** Files besides the sources in `consumers/src`. */
  readonly files?: Readonly<Record<string, string>>
  /** Compiles or bundles it: a script of an installed package and its arguments. */
  readonly prepare?: readonly string[]
  /** Script and arguments: a file of the program or of an installed package. Bundles lie where no package can be found. */
  readonly run: readonly string[]
  /** The oldest Node that its tools run on. @default 20 */
  readonly oldestNode?: number
}

/** What the program in `consumers/src/job.ts` says. */
export const EXPECTED = 'greeted Ada, dead: unrecoverable, refused: INVALID_PAYLOAD'

function tsc(typescript: string, module: string, resolution: string, ...flags: readonly string[]): string[] {
  const options = [
    '--module',
    module,
    '--moduleResolution',
    resolution,
    '--target',
    'es2022',
    '--types',
    'node',
  ]
  return [`${typescript}/bin/tsc`, 'main.ts', '--strict', ...options, ...flags]
}

// CommonJS packages among what is bundled call `require`.
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"

function esbuild(format: string, ...flags: readonly string[]): string[] {
  return ['esbuild/bin/esbuild', 'main.ts', '--bundle', '--platform=node', `--format=${format}`, ...flags]
}

function testWith(load: string): string {
  return `${load}
test('runs jobs', async () => expect(await runJobs()).toBe(${JSON.stringify(EXPECTED)}), 20_000)
`
}

const BOTH = `import { createRequire } from 'node:module'
import { runJobs } from './job.js'
const { UnrecoverableError } = createRequire(import.meta.url)('@titan/queue-core')
console.log(await runJobs(UnrecoverableError))
`

export const CONSUMERS: readonly Consumer[] = [
  {
    name: 'TypeScript 5.0, node10',
    type: 'commonjs',
    prepare: tsc('typescript-5.0', 'commonjs', 'node10', '--skipLibCheck'),
    run: ['main.js'],
  },
  {
    name: 'TypeScript 5.9, node16, CommonJS',
    type: 'commonjs',
    prepare: tsc('typescript', 'node16', 'node16'),
    run: ['main.js'],
  },
  {
    name: 'TypeScript 5.9, node16, ES modules',
    type: 'module',
    prepare: tsc('typescript', 'node16', 'node16'),
    run: ['main.js'],
  },
  {
    name: 'TypeScript 7, nodenext',
    type: 'module',
    prepare: tsc('typescript-7', 'nodenext', 'nodenext'),
    run: ['main.js'],
  },
  {
    name: 'TypeScript 7, bundler',
    type: 'module',
    prepare: tsc('typescript-7', 'preserve', 'bundler'),
    run: ['main.js'],
  },
  {
    name: 'errors of the CommonJS build in a worker of the ES modules',
    type: 'module',
    files: { 'both.js': BOTH },
    prepare: tsc('typescript-7', 'nodenext', 'nodenext'),
    run: ['both.js'],
  },
  {
    name: 'Jest',
    type: 'commonjs',
    files: { 'job.test.js': testWith("const { runJobs } = require('./job')") },
    prepare: tsc('typescript', 'node16', 'node16'),
    run: ['jest/bin/jest.js', '--rootDir', '.'],
  },
  {
    name: 'ts-jest, CommonJS',
    type: 'commonjs',
    files: {
      'job.test.ts': testWith("import { runJobs } from './job'"),
      'jest.config.js': "module.exports = { preset: 'ts-jest' }",
      'tsconfig.json': JSON.stringify({
        compilerOptions: { module: 'commonjs', target: 'es2022', strict: true, esModuleInterop: true },
      }),
    },
    run: ['jest/bin/jest.js', '--rootDir', '.'],
  },
  {
    name: 'Vitest',
    type: 'module',
    files: {
      'job.test.ts': testWith("import { expect, test } from 'vitest'\nimport { runJobs } from './job.js'"),
    },
    run: ['vitest/vitest.mjs', 'run', '--root', '.'],
    oldestNode: 22,
  },
  {
    name: 'esbuild, ES modules',
    type: 'module',
    prepare: esbuild('esm', `--banner:js=${REQUIRE}`, '--outfile=../../bundles/main.mjs'),
    run: ['../../bundles/main.mjs'],
  },
  {
    name: 'esbuild, CommonJS',
    type: 'commonjs',
    prepare: esbuild('cjs', '--outfile=../../bundles/main.cjs'),
    run: ['../../bundles/main.cjs'],
  },
]
