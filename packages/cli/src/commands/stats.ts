import { setTimeout as pause } from 'node:timers/promises'
import { queueSettings, type QueueConfig } from '@titan/payments'
import { createQueue } from '@titan/queue-core'
import { EXIT, milliseconds, toggle, type Program } from '@titan/service'
import { createLogUpdate } from 'log-update'
import { untilInterrupted } from './interrupt.ts'
import { writeResult } from '../output.ts'
import { commonSettings, version, type AnyJobs, type QueueSettings } from './queue.ts'
import { createStatsReader, formatStats, type Stats } from '../stats.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan stats`. */
export interface StatsSettings extends QueueSettings {
  readonly watch: boolean
  readonly intervalMs: number
}

/** The program `titan stats`. */
export const statsProgram: Program<StatsSettings, { readonly config: QueueConfig }> = {
  name: 'titan stats',
  version,
  description: 'Count jobs, workers and payments. Without DATABASE_URL, payments are left out.',
  settings: {
    ...commonSettings,
    watch: toggle({ flag: 'watch', about: 'Refresh until interrupted.' }, false),
    intervalMs: milliseconds(
      { flag: 'interval-ms', about: 'Time between refreshes with --watch.' },
      { fallback: 1_000, min: 50, max: 3_600_000 },
    ),
  },
  groups: { config: queueSettings },
  run: ({ queue: name, json, watch, intervalMs, connectTimeoutMs }, { config }) =>
    withOpener({ name: 'titan stats', config, connectTimeoutMs }, async (open) => {
      const redis = await open.redis()
      const sql = config.databaseUrl === undefined ? undefined : await open.database()
      const { prefix } = config
      const queue = createQueue<AnyJobs>(redis, name, { prefix })
      const read = createStatsReader({ queue, redis, prefix }, sql)
      if (watch) await watchStats(read, json, intervalMs)
      else {
        const stats = await read()
        writeResult(json, stats, () => formatStats(stats))
      }
      return EXIT.ok
    }),
}

/** Shows the numbers in the same place of a terminal, and below each other elsewhere. */
async function watchStats(read: () => Promise<Stats>, isJson: boolean, intervalMs: number): Promise<void> {
  const screen = process.stdout.isTTY && !isJson ? createLogUpdate(process.stdout) : undefined
  const unread = new AbortController()
  process.stdout.once('error', () => unread.abort())
  await untilInterrupted(async (interrupted) => {
    const signal = AbortSignal.any([interrupted, unread.signal])
    while (!signal.aborted) {
      const stats = await read()
      if (screen === undefined) writeResult(isJson, stats, () => `${formatStats(stats)}\n`)
      else screen(formatStats(stats))
      await pause(intervalMs, undefined, { signal }).catch(() => undefined)
    }
  })
  screen?.done()
}
