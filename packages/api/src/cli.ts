#!/usr/bin/env node
import { runProgram } from '@titan/service'
import { apiProgram } from './api-program.ts'

process.exitCode = await runProgram(apiProgram)
