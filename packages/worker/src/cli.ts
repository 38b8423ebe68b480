#!/usr/bin/env node
import { runProgram } from './program/index.ts'
import { workerProgram } from './worker-program.ts'

process.exitCode = await runProgram(workerProgram)
