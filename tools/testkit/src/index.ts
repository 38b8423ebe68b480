// For tests and for the tools. What ends with a test is in ./vitest.ts.
export { TEST_CERTIFICATE, TEST_KEY } from './certificate.ts'
export {
  createTestDatabase,
  openMigratedDatabase,
  testPrefix,
  type MigratedDatabase,
  type TestDatabase,
} from './database.ts'
export { eventually } from './eventually.ts'
export { createFilledDatabase, earlierStatement, FILLED_KEY } from './filled.ts'
export { killSpawned, spawnProgram, spawnScript, type SpawnedProgram } from './spawn.ts'
export { writeAsRows } from './rows.ts'
export { startTcpProxy, type NetworkFault, type TcpProxy } from './tcp-proxy.ts'
