import { EXIT, runProgram, type Environment, type Program } from '@titan/program'
import { recoverProgram } from './recover-program.ts'
import { verifyProgram } from './verify-program.ts'

/** A command of `titan`: one word, or two. */
interface Command {
  readonly words: string
  readonly about: string
  run(args: readonly string[], env: Environment): Promise<number>
}

const COMMANDS: readonly Command[] = [
  command(
    'verify',
    'checks the invariants of payments in PostgreSQL, Redis and the gateway’s ledger',
    verifyProgram,
  ),
  command('recover', 'gives every unfinished payment its job in Redis back', recoverProgram),
]

function command<Own, Shared>(words: string, about: string, program: Program<Own, Shared>): Command {
  return { words, about, run: (args, env) => runProgram(program, args, env) }
}

/**
 * Runs `titan` on its arguments.
 *
 * @returns the exit code
 */
export async function runTitan(argv: readonly string[], env: Environment = process.env): Promise<number> {
  const [first = '', second = ''] = argv
  const chosen = COMMANDS.find(({ words }) => words === first || words === `${first} ${second}`)
  if (chosen !== undefined) return chosen.run(argv.slice(chosen.words.split(' ').length), env)
  if (first === '--help' || first === '-h') {
    process.stdout.write(usage())
    return EXIT.ok
  }
  const isGroup = COMMANDS.some(({ words }) => words.startsWith(`${first} `))
  const given = isGroup ? `${first} ${second}`.trim() : first
  process.stderr.write(argv.length === 0 ? usage() : `titan: unknown command '${given}'\n${usage()}`)
  return EXIT.usage
}

function usage(): string {
  const column = Math.max(...COMMANDS.map(({ words }) => words.length)) + 4
  return [
    'titan: looks after payments',
    '',
    'Usage: titan <command> [options]',
    '',
    ...COMMANDS.map(({ words, about }) => `  ${words.padEnd(column - 2)}${about}`),
    '',
    'titan <command> --help tells the options of a command.',
    '',
  ].join('\n')
}
