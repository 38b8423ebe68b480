#!/usr/bin/env node
import { runProgram } from '@titan/program'
import { workerProgram } from './worker-program.ts'

process.exitCode = await runProgram(workerProgram)
