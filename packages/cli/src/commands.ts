import {
  EXIT,
  guardOutput,
  printable,
  runProgram,
  sectionsOf,
  type Environment,
  type Program,
  type SettingsSection,
} from '@titan/service'
import { dlqDeleteProgram, dlqRedriveProgram } from './commands/dlq-act.ts'
import { dlqListProgram, dlqShowProgram } from './commands/dlq-look.ts'
import { doctorProgram } from './doctor/command.ts'
import { keysCreateProgram, keysRevokeProgram } from './commands/keys-act.ts'
import { keysListProgram } from './commands/keys-list.ts'
import { migrateProgram } from './commands/migrate.ts'
import { operatorsCreateProgram, operatorsListProgram, operatorsRevokeProgram } from './commands/operators.ts'
import { pauseProgram, resumeProgram } from './commands/pause.ts'
import { paymentsListProgram } from './commands/payments-list.ts'
import { paymentsLookupProgram } from './commands/payments-lookup.ts'
import { paymentsRefundProgram } from './commands/payments-refund.ts'
import { paymentsShowProgram } from './commands/payments-show.ts'
import { peekProgram } from './commands/peek.ts'
import { version } from './commands/queue.ts'
import { recoverProgram } from './commands/recover.ts'
import { statsProgram } from './commands/stats.ts'
import { verifyProgram } from './verify/command.ts'

/** A command of `titan`: one word, or two. */
export interface Command {
  readonly words: string
  readonly about: string
  readonly description: string
  readonly sections: readonly SettingsSection[]
  run(args: readonly string[], env: Environment): Promise<number>
}

/** Every command. */
export const COMMANDS: readonly Command[] = [
  command('doctor', 'Diagnose servers, queues and payments.', doctorProgram),
  command('stats', 'Count jobs, workers and payments.', statsProgram),
  command('peek', 'Show the next jobs of a queue, or those that workers hold.', peekProgram),
  command('dlq list', 'List dead letters.', dlqListProgram),
  command('dlq show', 'Show dead letters with their failures.', dlqShowProgram),
  command('dlq redrive', 'Redrive dead letters.', dlqRedriveProgram),
  command('dlq delete', 'Delete dead letters permanently.', dlqDeleteProgram),
  command('pause', 'Stop the workers of a queue from starting jobs.', pauseProgram),
  command('resume', 'End a pause.', resumeProgram),
  command('payments list', 'List payments.', paymentsListProgram),
  command('payments show', 'Show everything known about a payment.', paymentsShowProgram),
  command('payments lookup', 'Look up the open attempt of a payment in review.', paymentsLookupProgram),
  command('payments refund', 'Record a refund that was made at the gateway.', paymentsRefundProgram),
  command('keys create', 'Create an API key and print its token.', keysCreateProgram),
  command('keys list', 'List API keys.', keysListProgram),
  command('keys revoke', 'Revoke API keys.', keysRevokeProgram),
  command(
    'operators create',
    'Create an operator of the dashboard and print the token.',
    operatorsCreateProgram,
  ),
  command('operators list', 'List the operators of the dashboard.', operatorsListProgram),
  command('operators revoke', 'Revoke an operator of the dashboard.', operatorsRevokeProgram),
  command(
    'verify',
    'Check the invariants of payments in PostgreSQL, Redis and the gateway’s ledger.',
    verifyProgram,
  ),
  command('migrate', 'Apply missing migrations.', migrateProgram),
  command('recover', 'Enqueue unfinished payments whose job is missing in Redis.', recoverProgram),
]

function command<Own, Shared>(words: string, about: string, program: Program<Own, Shared>): Command {
  return {
    words,
    about,
    description: program.description,
    sections: sectionsOf(program),
    run: (args, env) => runProgram(program, args, env),
  }
}

/**
 * Runs `titan` on its arguments.
 *
 * @returns the exit code
 */
export async function runTitan(argv: readonly string[], env: Environment = process.env): Promise<number> {
  guardOutput('titan')
  const [first = '', second = ''] = argv
  const chosen = COMMANDS.find(({ words }) => words === first || words === `${first} ${second}`)
  if (chosen !== undefined) return chosen.run(argv.slice(chosen.words.split(' ').length), env)
  if (first === '--help' || first === '-h') {
    process.stdout.write(usage())
    return EXIT.ok
  }
  if (first === '--version' || first === '-v') {
    process.stdout.write(`${version}\n`)
    return EXIT.ok
  }
  process.stderr.write(argv.length === 0 ? usage() : describeUnknown(first, second))
  return EXIT.usage
}

function describeUnknown(first: string, second: string): string {
  const group = COMMANDS.filter(({ words }) => words.startsWith(`${first} `))
  const given = printable(group.length > 0 ? `${first} ${second}`.trim() : first)
  const known = group.map(({ words }) => words.split(' ')[1]).join(', ')
  const hint = known === '' ? '' : `; ${first} has ${known}`
  return `titan: unknown command '${given}'${hint}\nTry 'titan --help'.\n`
}

function usage(): string {
  const column = Math.max(...COMMANDS.map(({ words }) => words.length)) + 4
  return [
    'titan: Inspect, repair and verify queues and payments.',
    '',
    'Usage: titan <command> [options]',
    '',
    ...COMMANDS.map(({ words, about }) => `  ${words.padEnd(column - 2)}${about}`),
    '',
    'Run titan <command> --help for its options.',
    '',
  ].join('\n')
}
