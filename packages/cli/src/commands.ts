import { EXIT, guardOutput, printable, runProgram, type Environment } from '@titan/service'
import { VERSION, type Command } from './command.ts'
import {
  accountsCreate,
  accountsList,
  accountsMark,
  accountsPause,
  accountsResume,
  accountsShow,
} from './accounts/accounts.ts'
import {
  credentialsList,
  credentialsRemove,
  credentialsReseal,
  credentialsSet,
} from './accounts/credentials.ts'
import { importBullmq } from './bullmq/command.ts'
import { reconcileCommand } from './books/reconcile.ts'
import { keysCreate, keysList, keysRevoke } from './commands/api-keys.ts'
import { dlqDelete, dlqRedrive } from './commands/dead-letter-acts.ts'
import { dlqList, dlqShow } from './commands/dead-letters.ts'
import { gatewaysList, gatewaysStart, gatewaysStop } from './commands/gateways.ts'
import { paymentsImport } from './import/command.ts'
import { migrate } from './commands/migrate.ts'
import { operatorsCreate, operatorsList, operatorsRevoke } from './commands/operators.ts'
import { paymentsExport, refundsExport } from './payments/export.ts'
import { paymentsLookup, paymentsRefund } from './payments/acts.ts'
import { paymentsErase } from './payments/erase.ts'
import { paymentsList } from './payments/list.ts'
import { paymentsCapture, paymentsVoid, refundsCreate } from './payments/movements.ts'
import { refundsList, refundsShow } from './payments/refunds.ts'
import { paymentsSummary } from './payments/summary.ts'
import { paymentsShow } from './payments/show.ts'
import { pause, peek, resume } from './commands/queue.ts'
import { recoverCommand } from './commands/recover.ts'
import { repartition } from './commands/repartition.ts'
import { routesApply, routesShow } from './commands/routes.ts'
import { stats } from './commands/stats.ts'
import { doctor } from './doctor/command.ts'
import { gatewaysCheck } from './gateways/check.ts'
import { verifyCommand } from './verify/command.ts'

/** Every command. */
export const COMMANDS: readonly Command[] = [
  doctor,
  stats,
  peek,
  dlqList,
  dlqShow,
  dlqRedrive,
  dlqDelete,
  pause,
  resume,
  paymentsList,
  paymentsShow,
  paymentsLookup,
  paymentsCapture,
  paymentsVoid,
  paymentsRefund,
  paymentsErase,
  paymentsImport,
  paymentsExport,
  paymentsSummary,
  refundsExport,
  refundsCreate,
  refundsList,
  refundsShow,
  gatewaysList,
  gatewaysStop,
  gatewaysStart,
  accountsCreate,
  accountsList,
  accountsShow,
  accountsMark,
  accountsPause,
  accountsResume,
  credentialsSet,
  credentialsList,
  credentialsRemove,
  credentialsReseal,
  keysCreate,
  keysList,
  keysRevoke,
  operatorsCreate,
  operatorsList,
  operatorsRevoke,
  gatewaysCheck,
  routesShow,
  routesApply,
  verifyCommand,
  reconcileCommand,
  migrate,
  recoverCommand,
  repartition,
  importBullmq,
]

/** Words of the longest name behind `titan`. */
const MOST_WORDS = Math.max(...COMMANDS.map((command) => wordsOf(command).split(' ').length))

/**
 * Runs `titan` on its arguments.
 *
 * @returns the exit code
 */
export async function runTitan(argv: readonly string[], env: Environment = process.env): Promise<number> {
  guardOutput('titan')
  const [first = '', second = ''] = argv
  const given = argv.slice(0, MOST_WORDS).join(' ')
  const chosen = COMMANDS.find((command) => `${given} `.startsWith(`${wordsOf(command)} `))
  if (chosen !== undefined) return runProgram(chosen, argv.slice(wordsOf(chosen).split(' ').length), env)
  const group = helpWith(argv)
  if (group.length > 0) {
    process.stdout.write(usage(group))
    return EXIT.ok
  }
  if (first === '--version' || first === '-v') {
    process.stdout.write(`${VERSION}\n`)
    return EXIT.ok
  }
  process.stderr.write(argv.length === 0 ? usage() : describeUnknown(first, second))
  return EXIT.usage
}

/** Returns the commands that arguments ask for help with: all, or those that begin with the words before. */
function helpWith(argv: readonly string[]): readonly Command[] {
  const end = argv.findIndex((arg) => arg === '--help' || arg === '-h')
  const prefix = argv.slice(0, end).map((word) => `${word} `)
  return end === -1 ? [] : COMMANDS.filter((command) => wordsOf(command).startsWith(prefix.join('')))
}

function describeUnknown(first: string, second: string): string {
  const group = COMMANDS.map(wordsOf).filter((words) => words.startsWith(`${first} `))
  const given = printable(group.length > 0 ? `${first} ${second}`.trim() : first)
  const known = [...new Set(group.map((words) => words.split(' ')[1]))].join(', ')
  const hint = known === '' ? '' : `; ${first} has ${known}`
  return `titan: unknown command '${given}'${hint}\nTry 'titan --help'.\n`
}

/** The words behind `titan` that choose a command. */
function wordsOf({ name }: Command): string {
  return name.replace('titan ', '')
}

function usage(commands = COMMANDS): string {
  const column = Math.max(...commands.map((command) => wordsOf(command).length)) + 4
  return [
    'titan: Inspect, repair and verify queues and payments.',
    '',
    'Usage: titan <command> [options]',
    '',
    // The first sentence says what a command does.
    ...commands.map(
      (command) => `  ${wordsOf(command).padEnd(column - 2)}${command.description.replace(/\. .*/, '.')}`,
    ),
    '',
    'Run titan <command> --help for its options.',
    '',
  ].join('\n')
}
