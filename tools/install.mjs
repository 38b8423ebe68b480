// Installs what `pnpm start` needs; everything where everything is installed already, since pnpm would remove the rest.
// Runs before there are packages, on any Node: therefore JavaScript.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const isComplete = existsSync(new URL('../node_modules/vitest', import.meta.url))
const selection = isComplete ? [] : ['--prod', '--filter=titan-queue...', '--filter=@titan/examples...']
const pnpm = process.env.npm_execpath ?? 'pnpm'
const isScript = /\.[cm]?js$/.test(pnpm)
const [command, ...args] = [...(isScript ? [process.execPath] : []), pnpm, 'install', ...selection]
const { status, error } = spawnSync(command, args, {
  stdio: 'inherit',
  shell: process.platform === 'win32' && !isScript,
})
if (error) throw error
process.exitCode = status ?? 1
