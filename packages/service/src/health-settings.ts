import { text, wholeNumber } from './setting-kinds.ts'
import type { SettingsTable } from './settings.ts'

/** Where a program serves health checks and metrics. */
export interface HealthSettings {
  /** 0 is none. */
  readonly healthPort: number
  readonly healthHost: string
}

/** The settings of the port for health checks and metrics. */
export const healthSettings: SettingsTable<HealthSettings> = {
  healthPort: wholeNumber(
    {
      flag: 'health-port',
      env: 'HEALTH_PORT',
      about: 'Port of /healthz, /readyz and /metrics. 0 turns them off.',
    },
    { fallback: 0, min: 0, max: 65_535 },
  ),
  healthHost: text(
    {
      flag: 'health-host',
      env: 'HEALTH_HOST',
      about: 'Bind address of the health port. Unauthenticated: keep it private.',
    },
    { fallback: '127.0.0.1', form: /^[\w.:-]{1,255}$/, rule: 'a host name or address' },
  ),
}
