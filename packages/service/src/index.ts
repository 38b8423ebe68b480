/**
 * What the programs of this project share: settings with flags and variables, exit codes, logs, signals
 * and connections that outlive their server.
 */
export { guardOutput } from './guard-output.ts'
export { printable } from './printable.ts'
export { EXIT, Failure, readCommandLine, runProgram, type CommandLine, type Program } from './program.ts'
export {
  FaultySetting,
  type Environment,
  type Setting,
  type SettingNames,
  type SettingsTable,
} from './settings.ts'
export {
  choice,
  milliseconds,
  parseDurationMs,
  text,
  toggle,
  wholeNumber,
  type SettingBasics,
} from './setting-kinds.ts'
export { gatewaySettings, processingSettings, retrySettings, storeSettings } from './payments-settings.ts'
export {
  gatewayVariables,
  gatewayWebhookVariables,
  webhookVariables,
  type Variable,
  type VariableGroup,
} from './variables.ts'
export { healthSettings, type HealthSettings } from './health-settings.ts'
export { createLog, logSettings, type Log, type LogEvent, type LogFields, type LogSettings } from './log.ts'
export { isWritable } from './redis-watch.ts'
export {
  addressOf,
  closeRedis,
  connectDatabase,
  connectRedis,
  createRedis,
  requireSingleServer,
  type Redis,
} from './connect.ts'
export { applyMigrations, isTableMissing, NO_TABLES, prepareTables, requireMigrations } from './migrations.ts'
export { logPaymentsEvents, once } from './events.ts'
export { explainStore, isDatabaseOutage, isOutage } from './outage.ts'
export { loadAll, type Loaders } from './load-all.ts'
export { answersInTime, createWriteProbe } from './probe.ts'
export { tracingVariables, withTracing } from './tracing.ts'
export { readVersion } from './version.ts'
export { runUntilStopped, type Service } from './signals.ts'
export { hostNameOf, isLoopback } from './loopback.ts'
