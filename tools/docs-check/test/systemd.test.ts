import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { EXIT, readCommandLine } from '@titan/service'
import { describe, expect, it, onTestFinished } from 'vitest'
import { variablesRead } from './support/variables.ts'
import { apiProgram, workerProgram } from '../src/programs.ts'
import { readRepository, REPOSITORY } from '../src/repository.ts'

/** What a unit says of `[Service]` and `[Install]`, each option with all of its lines. */
function readUnit(text: string): ReadonlyMap<string, readonly string[]> {
  const options = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (name !== undefined) options.set(name, [...(options.get(name) ?? []), value])
  }
  return options
}

const { drainMs, graceMs } = apiProgram.settings
const UNITS = [
  { file: 'titan-api.service', program: apiProgram, graceMs: drainMs.fallback + graceMs.fallback },
  { file: 'titan-worker@.service', program: workerProgram, graceMs: workerProgram.settings.graceMs.fallback },
] as const

const SERVERS = { DATABASE_URL: 'postgres://127.0.0.1/titan', REDIS_URL: 'redis://127.0.0.1' }

describe.each(UNITS)('deploy/systemd/$file', ({ file, program, graceMs }) => {
  const text = readRepository(`deploy/systemd/${file}`)
  const unit = readUnit(text)
  const only = (name: string): string => {
    expect(unit.get(name), name).toHaveLength(1)
    return unit.get(name)?.[0] ?? ''
  }

  it('starts a program that is there, with flags that it knows', () => {
    const [node, script = '', ...args] = only('ExecStart').replaceAll(/%[Hi]/g, 'one').split(' ')
    expect(node).toBe('/usr/bin/node')
    expect(existsSync(new URL(script, REPOSITORY)), script).toBe(true)
    expect(JSON.parse(readRepository(`${script.split('/src/')[0]}/package.json`))).toMatchObject({
      bin: { [program.name]: './src/cli.ts' },
    })
    const environment = Object.fromEntries(
      only('Environment')
        .split(' ')
        .map((pair) => pair.split('=')),
    )
    expect(
      readCommandLine<unknown, unknown>(program, args, { ...SERVERS, ...environment }),
    ).not.toHaveProperty('faults')
  })

  it('sets and names only variables that the program reads', () => {
    const inComments = [...text.matchAll(/^#.*env {2,}(.*)$/gm)].flatMap(
      ([, line = '']) => line.match(/[A-Z_]{4,}/g) ?? [],
    )
    const set = only('Environment')
      .split(' ')
      .map((pair) => pair.split('=')[0] ?? '')
      .filter((name) => name !== 'NODE_ENV')
    const known = new Set([...variablesRead(apiProgram), ...variablesRead(workerProgram)])
    expect(inComments.length).toBeGreaterThan(3)
    expect([...set, ...inComments].filter((name) => !known.has(name))).toEqual([])
  })

  it('gives the program the time that it takes to stop', () => {
    expect(only('KillSignal')).toBe('SIGTERM')
    expect(Number(only('TimeoutStopSec')) * 1_000).toBeGreaterThanOrEqual(graceMs + 10_000)
  })

  it('starts it again, unless its configuration is faulty', () => {
    expect(only('Restart')).toBe('always')
    expect(only('RestartPreventExitStatus')).toBe(String(EXIT.usage))
  })

  it('points to a manual that is there', () => {
    const path = only('Documentation').replace(`file:${only('WorkingDirectory')}/`, '')
    expect(existsSync(new URL(path, REPOSITORY)), path).toBe(true)
  })

  it.runIf(spawnSync('systemd-analyze', ['--version']).status === 0)(
    'is what systemd takes, and leaves the program few rights',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'titan-units-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      const path = join(folder, file.replace('@', '@1'))
      // Node may be elsewhere on this machine.
      await writeFile(path, text.replace('/usr/bin/node', process.execPath))

      const run = promisify(execFile)
      const verified = await run('systemd-analyze', ['verify', '--man=no', path])
      expect(verified.stderr).toBe('')
      // Above 2.0 of 10 it ends with code 1.
      await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', path])
    },
  )
})
