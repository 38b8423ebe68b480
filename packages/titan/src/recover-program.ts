import { loadPaymentsConfig, type PaymentsConfig, type Rebuilt } from '@titan/payments'
import { EXIT, readVersion, storeSettings, toggle, type Program } from '@titan/program'
import { connectSetting } from './connect-setting.ts'
import { recover } from './recover.ts'
import { withStores } from './stores.ts'

/** The settings of `titan recover`. */
export interface RecoverSettings {
  readonly dryRun: boolean
  readonly connectTimeoutMs: number
}

/** Between two lines of progress, in milliseconds. */
const PROGRESS_EVERY_MS = 2_000

/** The program `titan recover`. */
export const recoverProgram: Program<RecoverSettings, PaymentsConfig> = {
  name: 'titan recover',
  version: readVersion(new URL('../package.json', import.meta.url)),
  description: 'Gives every unfinished payment its job in Redis back; may be repeated',
  settings: {
    dryRun: toggle(
      { flag: 'dry-run', env: 'RECOVER_DRY_RUN', about: 'count what is missing, add nothing' },
      false,
    ),
    connectTimeoutMs: connectSetting,
  },
  sharedSettings: storeSettings(),
  load: loadPaymentsConfig,
  run: ({ dryRun, connectTimeoutMs }, config) =>
    withStores(
      { name: 'titan recover', config, withRedis: true, connectTimeoutMs },
      async ({ sql, redis }) => {
        if (redis === undefined) return EXIT.usage
        const onProgress = createProgress()
        const { added, present } = await recover({ sql, redis, prefix: config.prefix, dryRun, onProgress })
        process.stdout.write(
          `${added} ${added === 1 ? 'job' : 'jobs'} ${dryRun ? 'would be added' : 'added'}, ${present} there already\n`,
        )
        return EXIT.ok
      },
    ),
}

/** Says now and then on standard error how far a long run is. */
function createProgress(): (soFar: Rebuilt) => void {
  let saidAt = performance.now()
  return ({ added, present }) => {
    const now = performance.now()
    if (now - saidAt < PROGRESS_EVERY_MS) return
    saidAt = now
    process.stderr.write(`titan recover: ${added + present} payments so far, ${added} without a job\n`)
  }
}
