import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { REPOSITORY } from '../src/folders.ts'
import { createFolder } from './support/folder.ts'

/** Only for tests, checks and benchmarks. */
const DEVELOPMENT = /^(?:bullmq|pg-boss|ioredis|vitest|vite|typescript|playwright-core|oxlint|oxfmt|knip)@/u

function cloneRepository() {
  const clone = createFolder()
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  })
  for (const file of files.split('\0').filter(Boolean)) cpSync(join(REPOSITORY, file), join(clone, file))
  return clone
}

test('`pnpm start` installs what the programs and examples need, and no more', { timeout: 300_000 }, () => {
  const clone = cloneRepository()
  // A pnpm that runs these tests has set some for its scripts.
  const inherited = Object.entries(process.env).filter(([name]) => !/^p?npm_/iu.test(name))
  const env = { ...Object.fromEntries(inherited), pnpm_config_prefer_offline: 'true' }
  execFileSync('npx', ['--yes', 'pnpm@12', 'run', 'prestart'], { cwd: clone, env })
  const packages = readdirSync(join(clone, 'node_modules/.pnpm'))
  expect(packages.filter((name) => DEVELOPMENT.test(name))).toEqual([])
  // 175 of them are of testcontainers, which brings Redis where Docker is, and 28 of Adyen's SDK.
  expect(packages.length).toBeLessThan(320)
  // With an import missing, none of them prints its help.
  const node = join(clone, 'node_modules/.bin/node')
  const programs = ['packages/{api,worker,cli}/src/cli.ts', 'tools/servers/src/start.ts']
  for (const program of globSync(programs, { cwd: clone }))
    execFileSync(node, [program, '--help'], { cwd: clone, stdio: 'pipe' })
  execFileSync(node, ['--input-type=module', '-e', "import '@titan/queue-core'; import 'redis'"], {
    cwd: join(clone, 'examples'),
  })
})

test('`pnpm start` removes nothing from a complete installation', () => {
  const folder = createFolder()
  mkdirSync(join(folder, 'tools'))
  cpSync(join(REPOSITORY, 'tools/install.mjs'), join(folder, 'tools/install.mjs'))
  const pnpm = join(folder, 'pnpm.mjs')
  writeFileSync(pnpm, "console.log(process.argv.slice(2).join(' '))")
  const install = () =>
    execFileSync(process.execPath, ['tools/install.mjs'], {
      cwd: folder,
      env: { ...process.env, npm_execpath: pnpm },
      encoding: 'utf8',
    })
  expect(install()).toContain('install --prod')
  mkdirSync(join(folder, 'node_modules/vitest'), { recursive: true })
  expect(install()).toBe('install\n')
})
