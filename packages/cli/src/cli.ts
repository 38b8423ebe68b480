#!/usr/bin/env node
import { runTitan } from './commands.ts'

/** A module that a command has loaded, such as an adapter, may have left a timer or a connection. */
const EXIT_AFTER_MS = 5_000

process.exitCode = await runTitan(process.argv.slice(2))
setTimeout(() => process.exit(), EXIT_AFTER_MS).unref()
