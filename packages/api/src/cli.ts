#!/usr/bin/env node
import { runProgram } from '@titan/program'
import { apiProgram } from './api-program.ts'

process.exitCode = await runProgram(apiProgram)
