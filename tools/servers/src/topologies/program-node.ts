import { join } from 'node:path'
import { LocalError } from '../errors.ts'
import { openServerFolder } from '../folders.ts'
import type { OsUser } from '../os-user.ts'
import { spawnServer, waitUntilReady } from '../server-process.ts'
import type { Running } from './node.ts'
import type { Program } from './programs.ts'

/** How to run a program as a node. */
export interface ProgramLaunch {
  readonly name: string
  readonly program: Program
  readonly args: readonly string[]
  readonly folder: string
  /** Must tell it from a stranger that took its port. */
  readonly isReady: () => Promise<boolean>
  /** @default the account of this process */
  readonly osUser?: OsUser
  readonly timeoutMs?: number
}

const START_TIMEOUT_MS = 10_000

/** Runs a program in the foreground and waits until it is ready. */
export async function launchProgram(options: ProgramLaunch): Promise<Running> {
  const { name, program, args, folder, isReady, osUser, timeoutMs = START_TIMEOUT_MS } = options
  const opened = await openServerFolder(name, folder)
  const plain = { command: program.command, args: [...args] }
  const server = await spawnServer({
    ...(osUser?.wrap(plain.command, plain.args) ?? plain),
    env: program.env,
    logFile: join(folder, 'server.log'),
    stopSignal: 'SIGTERM',
    lock: opened.lock,
  })
  const ended = server.exited.then(() => opened.close())
  const problem = await waitUntilReady(server, isReady, timeoutMs)
  if (problem === undefined) return { pid: server.pid, ended }
  await server.kill()
  await ended
  throw new LocalError('PROGRAM_UNAVAILABLE', `${name} did not start: ${problem}\n${server.logTail()}`)
}
