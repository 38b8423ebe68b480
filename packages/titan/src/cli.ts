#!/usr/bin/env node
import { EXIT, runProgram } from '@titan/program'
import { recoverProgram } from './recover-program.ts'
import { verifyProgram } from './verify-program.ts'

const USAGE = `titan: looks after payments

Usage: titan <command> [options]

  verify     checks the invariants of payments in PostgreSQL, Redis and the gateway's ledger
  recover    gives every unfinished payment its job in Redis back

titan <command> --help tells the options of a command.
`

process.exitCode = await run(process.argv.slice(2))

async function run([command, ...args]: readonly string[]): Promise<number> {
  if (command === 'verify') return runProgram(verifyProgram, args)
  if (command === 'recover') return runProgram(recoverProgram, args)
  if (command === '--help' || command === '-h') {
    process.stdout.write(USAGE)
    return EXIT.ok
  }
  process.stderr.write(command === undefined ? USAGE : `titan: unknown command '${command}'\n${USAGE}`)
  return EXIT.usage
}
