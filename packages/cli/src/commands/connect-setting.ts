import { milliseconds, type Setting } from '@titan/service'

/** `--connect-timeout-ms`, the same for every command. */
export const connectSetting: Setting<number> = milliseconds(
  {
    flag: 'connect-timeout-ms',
    env: 'CONNECT_TIMEOUT_MS',
    about: 'Time to keep trying to reach PostgreSQL and Redis.',
  },
  { fallback: 10_000, min: 0, max: 3_600_000 },
)
