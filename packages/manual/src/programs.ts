// The command lines that the manual tells of. They are no part of what their packages offer to programs.
export { apiProgram } from '../../api/src/api-program.ts'
export { COMMANDS as titanCommands } from '../../titan/src/commands.ts'
export { workerProgram } from '../../worker/src/worker-program.ts'
export { migrateProgram } from '../../titan/src/migrate-program.ts'
