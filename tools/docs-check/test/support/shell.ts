import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePorts } from '@titan/servers'
import { REPOSITORY } from '../../src/repository.ts'

/** What became of a block of commands. */
export interface Outcome {
  readonly code: number
  /** Both outputs. */
  readonly output: string
}

/** A terminal in which a block goes on. */
export interface Terminal {
  output(): string
  /** Undefined while it goes on. */
  code(): number | undefined
}

/** One shell for a page: what a block sets, the next one has. */
export interface Shell {
  run(commands: string): Promise<Outcome>
  /** Begins a block in a separate terminal, which has what was exported so far. */
  open(commands: string): Terminal
  /** A line of the page as it is here, where other ports are free. */
  localize(line: string): string
  /** Ends all that goes on, in order, and waits for it. */
  close(): Promise<void>
}

/** A block that takes longer hangs, in milliseconds. */
const LONGEST_MS = 180_000

/** What a page may run besides what is on this machine. */
export interface Stubs {
  readonly variables: Readonly<Record<string, string>>
  /** Scripts by the name of their program. */
  readonly programs: Readonly<Record<string, string>>
}

/** The ports that pages name. */
const PORTS = ['3000', '4000', '3100'] as const

/** Package managers, without their start: what they would run is run at once, by the Node of the repository. */
const NPX = `#!/usr/bin/env bash
[ "$1 $2" = '--yes pnpm@12' ] || { echo "npx $*: not in a page" >&2; exit 97; }
shift 2
export PATH="$REPOSITORY/node_modules/.bin:$PATH"
if [ "$1" = --dir ]; then cd "$2" && shift 2; fi
case "$1" in
  install) exit 0 ;;
  start) shift; exec node "$REPOSITORY/tools/servers/src/start.ts" "$@" ;;
  exec) shift; exec "$@" ;;
  *) echo "pnpm $*: not in a page" >&2; exit 97 ;;
esac
`

/**
 * Starts the shell of a page, in the repository, with nothing but PATH in its environment. `env` is what a running `start`
 * would have written to `.titan/env`: a page that needs it has to read it.
 */
export async function startShell(env: Readonly<Record<string, string>>, stubs?: Stubs): Promise<Shell> {
  const folder = mkdtempSync(join(tmpdir(), 'titan-page-'))
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const [name, text] of Object.entries({ npx: NPX, ...stubs?.programs }))
    writeFileSync(join(bin, name), text, { mode: 0o755 })
  const repository = fileURLToPath(REPOSITORY).replace(/\/$/, '')
  const free = await findFreePorts(PORTS.length)
  const state = join(folder, 'state')
  const base = {
    HOME: folder,
    REPOSITORY: repository,
    TITAN_STATE_DIR: state,
    PORT: String(free[0]),
    // The port of a receiver is another one here.
    WEBHOOK_ALLOWED_PORTS: String(free[1]),
    // Programs start again and again here.
    NODE_COMPILE_CACHE: join(tmpdir(), 'titan-compile-cache'),
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    ...stubs?.variables,
  }
  const exported = join(folder, 'exported')
  const lines = Object.entries(env).map(([name, value]) => `export ${name}='${value}'\n`)
  mkdirSync(state)
  if (lines.length > 0) writeFileSync(join(state, 'env'), lines.join(''))
  const terminals: { child: ChildProcess; ended: Promise<unknown> }[] = []

  function localize(text: string): string {
    return PORTS.reduce(
      (line, port, index) => line.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(free[index])),
      text,
    ).replaceAll('.titan/', `${state}/`)
  }

  function start(script: string): ChildProcess {
    const options = { cwd: repository, env: base, detached: true } as const
    return spawn('bash', ['-c', script], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  return {
    localize,
    async run(commands) {
      // The state of the shell goes from block to block in a file.
      const script = `[ -f ${exported} ] && . ${exported}\nset -eo pipefail\n${localize(commands)}\n{ declare -p | grep -v '^declare -[^ ]*r'; } > ${exported} 2>/dev/null\n`
      const child = start(script)
      const output = collect(child)
      const timer = setTimeout(() => signal(child, 'SIGKILL'), LONGEST_MS)
      const [code] = (await once(child, 'close')) as [number | null]
      clearTimeout(timer)
      return { code: code ?? -1, output: output() }
    },
    open(commands) {
      const child = start(`[ -f ${exported} ] && . ${exported}\n${localize(commands)}\n`)
      let ended: number | undefined
      terminals.push({
        child,
        ended: once(child, 'close').then(([code]) => (ended = (code as number | null) ?? -1)),
      })
      return { output: collect(child), code: () => ended }
    },
    async close() {
      for (const { child, ended } of terminals.toReversed()) {
        // As Ctrl-C does: all that runs in the terminal.
        if (child.exitCode === null) signal(child, 'SIGINT')
        await ended
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Signals a block and all that it has started. */
function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, name)
}

function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return () => text
}
