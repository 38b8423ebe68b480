import { PAYMENTS_QUEUE } from '@titan/payments'
import { createQueue, type Queue } from '@titan/queue-core'
import { readVersion, text, toggle, type Program, type Redis, type SettingsTable } from '@titan/program'
import { loadServersConfig, queueSettings, type ServersConfig } from './config.ts'
import { connectSetting } from './connect-setting.ts'
import { withOpener } from './stores.ts'

/** The settings of every command on a queue. */
export interface QueueSettings {
  readonly queue: string
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** `--json`, the same for every command. */
export const jsonSetting: SettingsTable<{ readonly json: boolean }>['json'] = toggle(
  { flag: 'json', about: 'print JSON in one line, for programs' },
  false,
)

/**
 * `--queue`, `--json` and `--connect-timeout-ms`. Variables tell where the servers are, and nothing else: a shell that has
 * one set must not change what a command is about, or spare it a question.
 */
export const commonSettings: SettingsTable<QueueSettings> = {
  queue: text(
    { flag: 'queue', about: 'name of the queue; outgoing webhooks have webhooks' },
    PAYMENTS_QUEUE,
    /^[\w.:-]{1,100}$/,
    '1 to 100 letters, digits or . : - _',
  ),
  json: jsonSetting,
  connectTimeoutMs: connectSetting,
}

/** The jobs of any queue: nothing is known of their data. */
export type AnyJobs = Record<string, unknown>

/** A queue that is open. */
export interface OpenQueue {
  readonly queue: Queue<AnyJobs>
  readonly redis: Redis
  readonly prefix: string
}

/** What a command on a queue is made of. */
export interface QueueCommand<Own extends QueueSettings> {
  readonly name: string
  readonly description: string
  readonly settings: SettingsTable<Own>
  readonly words?: string
  run(own: Own, open: OpenQueue): Promise<number>
}

/** A program that needs nothing but a queue in Redis. */
export function queueProgram<Own extends QueueSettings>(
  command: QueueCommand<Own>,
): Program<Own, ServersConfig> {
  const { name, description, settings, words, run } = command
  return {
    ...{ name, description, settings, version },
    ...(words === undefined ? {} : { words }),
    sharedSettings: queueSettings,
    load: loadServersConfig,
    run: (own, config) =>
      withOpener({ name, config, connectTimeoutMs: own.connectTimeoutMs }, async (open) => {
        const { prefix } = config
        const redis = await open.redis()
        return run(own, { redis, prefix, queue: createQueue<AnyJobs>(redis, own.queue, { prefix }) })
      }),
  }
}

/** The version of `titan`. */
export const version: string = readVersion(new URL('../package.json', import.meta.url))
