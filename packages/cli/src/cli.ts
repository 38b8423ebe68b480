#!/usr/bin/env node
import { runTitan } from './commands.ts'

process.exitCode = await runTitan(process.argv.slice(2))
