import { databaseSettings, type DatabaseConfig } from '@titan/payments'
import {
  FaultySetting,
  parseDurationMs,
  type Program,
  type Setting,
  type SettingsTable,
} from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { jsonSetting, version, type QueueSettings } from './queue.ts'

/** The settings of every command on API keys. */
export type KeysSettings = Omit<QueueSettings, 'queue'>

/** `--json` and `--connect-timeout-ms`. */
export const keysSettings: SettingsTable<KeysSettings> = {
  json: jsonSetting,
  connectTimeoutMs: connectSetting,
}

/** What the commands on API keys have in common: they need PostgreSQL alone. */
export const keysCommon: Pick<Program<never, { readonly config: DatabaseConfig }>, 'version' | 'groups'> = {
  version,
  groups: { config: databaseSettings },
}

/** `--expires`: when a key ends; undefined is never. */
export const expirySetting: Setting<Date | undefined> = {
  flag: 'expires',
  hint: 'time',
  shown: 'never',
  fallback: undefined,
  about: 'Expiry: a duration such as 12h or 90d, or a time such as 2027-01-31T12:00:00Z.',
  parse: (text) => {
    const expiry = parseExpiry(text, Date.now())
    if (expiry.getTime() > Date.now()) return expiry
    throw new FaultySetting(`must be in the future, got ${JSON.stringify(text)}`)
  },
}

function parseExpiry(text: string, now: number): Date {
  if (/^\d+(s|m|h)$/.test(text)) return new Date(now + parseDurationMs(text))
  const [, days] = /^(\d{1,5})d$/.exec(text) ?? []
  if (days !== undefined) return new Date(now + Number(days) * 86_400_000)
  const expiry = new Date(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(expiry.getTime())) return expiry
  throw new FaultySetting(
    `must be a duration such as 12h or 90d, or a time such as 2027-01-31T12:00:00Z, got ${JSON.stringify(text)}`,
  )
}
