#!/usr/bin/env node
import { runProgram } from '@titan/service'
import { workerProgram } from './worker-program.ts'

process.exitCode = await runProgram(workerProgram)
