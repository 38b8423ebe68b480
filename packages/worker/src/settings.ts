import { hostname } from 'node:os'
import {
  healthSettings,
  logSettings,
  milliseconds,
  optionalText,
  text,
  toggle,
  wholeNumber,
  type SettingsOf,
} from '@titan/service'

const HOUR = 3_600_000
const NAME = { form: /^[\w.:-]{1,100}$/, rule: '1 to 100 letters, digits or . : - _' }
const HOST_NAME = hostname().replaceAll(/[^\w.:-]/g, '-')

function named(flag: string, env: string, about: string) {
  return { flag, env, about }
}

/** The settings that only titan-worker has. */
export type WorkerSettings = SettingsOf<typeof workerSettings>

/** Their table. */
export const workerSettings = {
  group: text(named('group', 'WORKER_GROUP', 'Consumer group. All workers of a queue share one.'), {
    ...NAME,
    fallback: 'workers',
  }),
  consumer: text(
    { ...named('consumer', 'WORKER_CONSUMER', 'Name of this worker.'), shown: 'host name and process id' },
    { ...NAME, fallback: `${HOST_NAME.slice(0, 80)}-${process.pid}` },
  ),
  workerCount: wholeNumber(named('workers', 'WORKER_COUNT', 'Number of workers in this process.'), {
    fallback: 1,
    min: 1,
    max: 100,
  }),
  concurrency: wholeNumber(
    named('concurrency', 'WORKER_CONCURRENCY', 'Maximum number of payments in flight in each worker.'),
    { fallback: 16, min: 1, max: 10_000 },
  ),
  visibilityTimeoutMs: milliseconds(
    {
      flag: 'visibility-timeout-ms',
      env: 'VISIBILITY_TIMEOUT_MS',
      alsoEnv: ['VISIBILITY_TIMEOUT'],
      about: 'Age of a lease at which the job of an unresponsive worker is reclaimed.',
    },
    { fallback: 30_000, min: 100, max: 24 * HOUR },
  ),
  relay: toggle(named('relay', 'WORKER_RELAY', 'Enqueue PENDING payments.'), true),
  reconcile: toggle(
    named('reconcile', 'WORKER_RECONCILE', 'Enqueue payments again whose job is lost.'),
    true,
  ),
  books: toggle(
    named('books', 'WORKER_BOOKS', 'Compare the payments with the list of each gateway every hour.'),
    true,
  ),
  sendWebhooks: toggle(
    named('webhooks', 'WORKER_WEBHOOKS', 'Send outgoing webhooks. Requires WEBHOOK_ENCRYPTION_KEY.'),
    true,
  ),
  migrate: toggle(named('migrate', 'MIGRATE', 'Apply missing migrations at startup.'), true),
  connectTimeoutMs: milliseconds(
    named(
      'connect-timeout-ms',
      'CONNECT_TIMEOUT_MS',
      'Time to keep trying to reach PostgreSQL and Redis at startup.',
    ),
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  graceMs: milliseconds(
    named('grace-ms', 'SHUTDOWN_GRACE_MS', 'Time for payments in flight to finish after a stop signal.'),
    { fallback: 10_000, min: 0, max: HOUR },
  ),
  beforeCharge: optionalText(
    {
      ...named(
        'before-charge',
        'BEFORE_CHARGE',
        'Module whose default export allows, declines or holds each charge before it is sent: a file or a package.',
      ),
      hint: 'module',
    },
    { form: /^\S(.*\S)?$/, rule: 'the path of a file or the name of a package' },
  ),
  ...healthSettings,
  check: toggle(named('check', 'WORKER_CHECK', 'Check configuration and connections, then exit.'), false),
  ...logSettings,
}
