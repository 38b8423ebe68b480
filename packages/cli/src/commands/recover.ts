import { storeSettings, type StoreConfig, type Rebuilt } from '@titan/payments'
import { EXIT, toggle, type Program } from '@titan/service'
import { connectSetting } from './connect-setting.ts'
import { writeResult } from '../output.ts'
import { startProgress } from '../progress.ts'
import { jsonSetting, version } from './queue.ts'
import { countUnfinished, recover, type RecoverOptions } from '../recover.ts'
import { recorded } from './recorded.ts'
import { withOpener } from '../stores.ts'

/** The settings of `titan recover`. */
export interface RecoverSettings {
  readonly dryRun: boolean
  readonly json: boolean
  readonly connectTimeoutMs: number
}

/** The program `titan recover`. */
export const recoverProgram: Program<RecoverSettings, { readonly config: StoreConfig }> = {
  name: 'titan recover',
  version,
  description: 'Enqueue unfinished payments whose job is missing in Redis. Safe to repeat.',
  settings: {
    dryRun: toggle({ flag: 'dry-run', about: 'Count missing jobs without adding them.' }, false),
    json: jsonSetting,
    connectTimeoutMs: connectSetting,
  },
  groups: { config: storeSettings },
  run: ({ dryRun, json, connectTimeoutMs }, { config }) =>
    withOpener({ name: 'titan recover', config, connectTimeoutMs }, async (open) => {
      const sql = await open.database()
      const redis = await open.redis()
      const perform = (): Promise<Rebuilt> => recoverInSight({ sql, redis, prefix: config.prefix, dryRun })
      const { added, present } = dryRun
        ? await perform()
        : await recorded(
            sql,
            { action: 'recover', target: 'payments' },
            perform,
            (rebuilt) => `${rebuilt.added} added, ${rebuilt.present} already there`,
          )
      writeResult(
        json,
        { added, present, dryRun },
        () =>
          `${added} ${added === 1 ? 'job' : 'jobs'} ${dryRun ? 'would be added' : 'added'}, ${present} already there`,
      )
      return EXIT.ok
    }),
}

async function recoverInSight(options: RecoverOptions): Promise<Rebuilt> {
  const progress = startProgress('payments', await countUnfinished(options.sql))
  try {
    return await recover({ ...options, onProgress: ({ added, present }) => progress.update(added + present) })
  } finally {
    progress.stop()
  }
}
