import { PAYMENTS_QUEUE, queueSettings, type QueueConfig } from '@titan/payments'
import { createQueue, type Queue } from '@titan/queue-core'
import { readVersion, text, toggle, type Program, type Redis, type SettingsTable } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { recorded, type CommandAct } from './recorded.ts'
import { withOpener, type Opener } from '../stores.ts'

/** The settings of every command on a queue. */
export interface QueueSettings {
  readonly queue: string
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** `--json`, the same for every command. */
export const jsonSetting: SettingsTable<{ readonly json: boolean }>['json'] = toggle(
  { flag: 'json', about: 'Print one line of JSON.' },
  false,
)

/**
 * `--queue`, `--json` and `--connect-timeout-ms`. Variables tell where the servers are, and nothing else: a shell that has
 * one set must not change what a command is about, or spare it a question.
 */
export const commonSettings: SettingsTable<QueueSettings> = {
  queue: text(
    { flag: 'queue', about: 'Name of the queue. Outgoing webhooks use the queue webhooks.' },
    { fallback: PAYMENTS_QUEUE, form: /^[\w.:-]{1,100}$/, rule: '1 to 100 letters, digits or . : - _' },
  ),
  json: jsonSetting,
  connectTimeoutMs: connectSetting,
}

/** The jobs of any queue: nothing is known of their data. */
export type AnyJobs = Record<string, unknown>

/** Performs an act as {@link recorded} does. */
export type Recorder = <Result>(
  act: CommandAct,
  perform: () => Promise<Result>,
  summarise: (result: Result) => string,
) => Promise<Result>

/** A queue that is open. */
export interface OpenQueue {
  readonly queue: Queue<AnyJobs>
  readonly redis: Redis
  readonly prefix: string
  /** Performs an act with a row in the audit record, where `DATABASE_URL` says where the record is. */
  readonly record: Recorder
}

/** What a command on a queue is made of. */
export interface QueueCommand<Own extends QueueSettings> {
  readonly name: string
  readonly description: string
  readonly settings: SettingsTable<Own>
  run(own: Own, open: OpenQueue): Promise<number>
}

/** Where the servers of a queue command are. */
export interface QueueServers {
  readonly config: QueueConfig
}

/** A program that needs nothing but a queue in Redis. */
export function queueProgram<Own extends QueueSettings>(
  command: QueueCommand<Own>,
): Program<Own, QueueServers> {
  const { name, description, settings, run } = command
  return {
    name,
    description,
    settings,
    version,
    groups: { config: queueSettings },
    run: (own, { config }) =>
      withOpener({ name, config, connectTimeoutMs: own.connectTimeoutMs }, async (open) => {
        const { prefix } = config
        const redis = await open.redis()
        const queue = createQueue<AnyJobs>(redis, own.queue, { prefix })
        return run(own, { redis, prefix, queue, record: recorderOf(name, config, open) })
      }),
  }
}

function recorderOf(program: string, { databaseUrl }: QueueConfig, open: Opener): Recorder {
  return async (act, perform, summarise) => {
    if (databaseUrl === undefined) {
      process.stderr.write(`${program}: DATABASE_URL is not set, so no audit record is written\n`)
      return perform()
    }
    return recorded(await open.database(), act, perform, summarise)
  }
}

/** The version of `titan`. */
export const version: string = readVersion(new URL('../../package.json', import.meta.url))
