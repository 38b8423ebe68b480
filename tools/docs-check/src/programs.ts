// What the reference describes. Their packages do not export it.
export { createDocument } from '../../../packages/api/src/openapi/document.ts'
export { operationsOf } from '../../../packages/api/src/routes/operations.ts'
export { apiProgram } from '../../../packages/api/src/api-program.ts'
export { COMMANDS as titanCommands } from '../../../packages/cli/src/commands.ts'
export { workerProgram } from '../../../packages/worker/src/worker-program.ts'
export { migrate as migrateProgram } from '../../../packages/cli/src/commands/migrate.ts'
