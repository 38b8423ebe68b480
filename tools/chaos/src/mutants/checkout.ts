import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Edit } from './mutants.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
/** What tests of packages need. Packages that are installed are shared, those of the workspace are copied. */
const COPIED = ['packages', 'tools', 'sql', 'package.json', 'vitest.config.ts']
const SKIPPED = new Set(['.bin', '.vite', '.vite-temp', '.vitest-cache', '.pnpm', 'dist'])

/** What test files say about a mutant. */
export interface TestReport {
  readonly passed: number
  /** The names of tests that failed. */
  readonly failed: readonly string[]
  /** What their assertions said. */
  readonly messages: readonly string[]
}

interface JsonReport {
  readonly numPassedTests: number
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** Copies the sources of this checkout to a temporary folder, where bugs may be planted. */
export async function copyCheckout() {
  const root = await mkdtemp(join(tmpdir(), 'titan-mutants-'))
  const options = {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path: string) => !SKIPPED.has(basename(path)),
  }
  for (const name of [...COPIED, 'node_modules']) await cp(join(ROOT, name), join(root, name), options)
  await mkdir(join(root, 'node_modules'), { recursive: true })
  await symlink(join(ROOT, 'node_modules', '.pnpm'), join(root, 'node_modules', '.pnpm'))
  return {
    /** Runs something while the edits are made. */
    async with<Value>(edits: readonly Edit[], run: () => Promise<Value>): Promise<Value> {
      const before = new Map<string, string>()
      try {
        for (const { file, from, to } of edits) {
          const text = await readFile(join(root, file), 'utf8')
          if (!before.has(file)) before.set(file, text)
          await writeFile(
            join(root, file),
            text.replace(from, () => to),
          )
        }
        return await run()
      } finally {
        for (const [file, text] of before) await writeFile(join(root, file), text)
      }
    },
    async test(files: readonly string[], env: Readonly<Record<string, string>>): Promise<TestReport> {
      const output = join(root, 'report.json')
      await rm(output, { force: true })
      const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
      const flags = ['run', '--root', root, '--reporter=json', `--outputFile=${output}`]
      const child = spawn(process.execPath, [vitest, ...flags, ...files], {
        cwd: root,
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      await once(child, 'close')
      const report = JSON.parse(await readFile(output, 'utf8')) as JsonReport
      const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
      const failed = tests.filter(({ status }) => status === 'failed')
      return {
        passed: report.numPassedTests,
        failed: failed.map(({ fullName }) => fullName),
        messages: failed.flatMap(({ failureMessages }) => failureMessages),
      }
    },
    close: () => rm(root, { recursive: true, force: true }),
  }
}
