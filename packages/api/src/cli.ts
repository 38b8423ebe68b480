#!/usr/bin/env node
import { runProgram } from '@titan/worker/program'
import { apiProgram } from './api-program.ts'

process.exitCode = await runProgram(apiProgram)
