/**
 * What the programs of this project share: settings with flags and variables, exit codes, logs, signals
 * and connections that outlive their server.
 */
export { guardOutput } from './guard-output.ts'
export { printable } from './printable.ts'
export {
  defineProgram,
  EXIT,
  Failure,
  readCommandLine,
  runProgram,
  sectionsOf,
  type CommandLine,
  type Program,
} from './program.ts'
export {
  FaultySetting,
  InvalidSettings,
  readAll,
  readGroups,
  readSettings,
  settingsGroup,
  type Environment,
  type Setting,
  type SettingNames,
  type SettingsGroup,
  type SettingsGroups,
  type SettingsSection,
  type SettingsSource,
  type SettingsOf,
  type SettingsTable,
} from './settings.ts'
export {
  choice,
  list,
  milliseconds,
  named,
  optionalText,
  parseDurationMs,
  serverUrl,
  share,
  text,
  toggle,
  wholeNumber,
  type SettingBasics,
} from './setting-kinds.ts'
export { healthSettings, type HealthSettings } from './health-settings.ts'
export { createLog, logSettings, type Log, type LogEvent, type LogFields, type LogSettings } from './log.ts'
export { isWritable } from './redis-watch.ts'
export {
  addressOf,
  closeRedis,
  connectRedis,
  createRedis,
  requireSingleServer,
  retryWhilePassing,
  unreachable,
  type Redis,
} from './connect.ts'
export { once } from './once.ts'
export { explainStore, isDatabaseOutage, isOutage } from './outage.ts'
export { answersInTime } from './probe.ts'
export { tracingVariables, withTracing } from './tracing.ts'
export { readVersion } from './version.ts'
export { runUntilStopped, type Service } from './signals.ts'
export { hostNameOf, isLoopback } from './loopback.ts'
