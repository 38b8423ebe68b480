import { text, wholeNumber } from './setting-kinds.ts'
import type { SettingsTable } from './settings.ts'

/** Where a program tells how it is, apart from what it is for. */
export interface HealthSettings {
  /** 0: nowhere. */
  readonly healthPort: number
  readonly healthHost: string
}

/** The settings of the port for health checks and metrics, for those who watch a program. */
export const healthSettings: SettingsTable<HealthSettings> = {
  healthPort: wholeNumber(
    {
      flag: 'health-port',
      env: 'HEALTH_PORT',
      about: 'serve /healthz, /readyz and /metrics on this port; 0: not at all',
    },
    { fallback: 0, min: 0, max: 65_535 },
  ),
  healthHost: text(
    {
      flag: 'health-host',
      env: 'HEALTH_HOST',
      about: 'the address of that port; whoever reaches it is asked for nothing',
    },
    '127.0.0.1',
    /^[\w.:-]{1,255}$/,
    'a host name or address',
  ),
}
