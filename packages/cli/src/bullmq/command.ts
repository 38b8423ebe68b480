import { queueSettings } from '@titan/payments'
import { createInspector, createQueue } from '@titan/queue-core'
import {
  Failure,
  milliseconds,
  named,
  optionalText,
  redisUrl,
  text,
  toggle,
  wholeNumber,
  type SettingsOf,
} from '@titan/service'
import { command, requiredWords } from '../command.ts'
import { recorded } from '../commands/audit.ts'
import { placeOf, type AnyJobs } from '../commands/queue.ts'
import { untilInterrupted, withProgress } from '../terminal.ts'
import { importQueue, statesOf, type ImportOptions } from './import.ts'
import { formatReport, type Tally } from './report.ts'
import { BullQueue, serverNow } from './source.ts'

const YEAR_MS = 31_536_000_000
const QUEUE_NAME = /^[\w.:-]{1,100}$/

const settings = {
  source: {
    ...text(
      requiredWords('source', 'Name of the BullMQ queue.', 'queue', 'give the name of the BullMQ queue'),
      { form: /^[^\p{Cc}]{1,200}$/u, rule: 'the name of one BullMQ queue' },
    ),
  },
  queue: optionalText(
    { flag: 'queue', about: 'Name of the target queue.', shown: 'as the BullMQ queue' },
    { form: QUEUE_NAME, rule: '1 to 100 letters, digits or . : - _' },
  ),
  sourceUrl: {
    ...redisUrl(named('BULLMQ_REDIS_URL', 'URL of the Redis of the BullMQ queue.')),
    isRequired: false,
    shown: 'REDIS_URL',
  },
  sourcePrefix: text(
    { flag: 'bullmq-prefix', about: 'Prefix of the BullMQ queue.' },
    { fallback: 'bull', form: /^[^\p{Cc}]{1,200}$/u, rule: 'the prefix of the BullMQ queue' },
  ),
  dryRun: toggle({ flag: 'dry-run', about: 'Report what would be moved, and change nothing.' }, false),
  live: toggle(
    {
      flag: 'live',
      about:
        'Move although BullMQ workers are connected and not paused. Each job still runs on one side only.',
    },
    false,
  ),
  failed: toggle({ flag: 'failed', about: 'Also enqueue failed jobs, with all their attempts.' }, false),
  highTo: wholeNumber(
    { flag: 'high-to', about: 'Largest numeric priority that becomes high; jobs without one are default.' },
    { fallback: 1, min: 0, max: 2_097_152 },
  ),
  lowFrom: wholeNumber(
    { flag: 'low-from', about: 'Smallest numeric priority that becomes low.' },
    { fallback: 10, min: 1, max: 2_097_152 },
  ),
  timeZone: text(
    { flag: 'time-zone', about: 'Time zone of repeating jobs without one, such as Europe/Vienna.' },
    { fallback: 'UTC', form: /^[\w+/-]{1,64}$/, rule: 'an IANA time zone' },
  ),
  maxPayloadBytes: wholeNumber(
    { flag: 'max-payload-bytes', about: 'Largest data of a job, bytes of JSON; larger ones stay.' },
    { fallback: 65_536, min: 2, max: 536_870_912 },
  ),
  dedupeMs: milliseconds(
    {
      flag: 'dedupe-ms',
      about: 'The dedupeMs of the target’s workers: an interrupted import must continue within it.',
    },
    { fallback: 86_400_000, min: 0, max: YEAR_MS },
  ),
  batch: wholeNumber({ flag: 'batch', about: 'Jobs per step.' }, { fallback: 200, min: 1, max: 1_000 }),
}

const groups = { config: queueSettings }

/** `titan import-bullmq`. */
export const importBullmq = command<SettingsOf<typeof settings>, SettingsOf<typeof groups>>({
  name: 'titan import-bullmq',
  description: 'Move the jobs of a BullMQ queue (4, 5 or 6) into a queue. Safe to interrupt and to repeat.',
  settings,
  groups,
  async run(own, { config, database, redis, print, complain }) {
    const target = own.queue ?? own.source
    if (!QUEUE_NAME.test(target)) throw new Failure('the name cannot be that of a queue here: give --queue')
    const to = await redis()
    const from = new BullQueue(
      own.sourceUrl === '' ? to : await redis(own.sourceUrl),
      own.sourcePrefix,
      own.source,
    )
    await checkSource(from, own)
    const queue = createQueue<AnyJobs>(to.client, target, {
      ...placeOf(target, config),
      maxPayloadBytes: own.maxPayloadBytes,
    })
    const inspector = createInspector(to.client, target, placeOf(target, config))
    const work = {
      ...own,
      from,
      queue,
      inspector,
      clock: () => serverNow(to, `${config.prefix}:{${target}}`),
    }
    const act = { action: 'queue.import', target: `${target} from ${own.sourcePrefix}:${own.source}` }
    const { databaseUrl } = config
    if (!own.dryRun && databaseUrl === undefined)
      complain('DATABASE_URL is not set, so no audit record is written')
    const tally =
      own.dryRun || databaseUrl === undefined
        ? await perform(work)
        : await recorded(
            await database(),
            act,
            () => perform(work),
            (done) => `${done.movedJobs()} moved`,
          )
    const notes = await describeSettings(from, own.dryRun)
    for (const note of notes) complain(note)
    const report = tally.report()
    print({ queue: target, dryRun: own.dryRun, ...report, notes }, () => formatReport(report, own.dryRun))
    return report.stays.length === 0 && !report.interrupted
  },
})

/** @throws Failure when there is no such queue, or its workers would still take jobs */
async function checkSource(
  from: BullQueue,
  own: {
    readonly source: string
    readonly sourcePrefix: string
    readonly dryRun: boolean
    readonly live: boolean
  },
): Promise<void> {
  const kind = await from.kind()
  const name = `${own.sourcePrefix}:${own.source}`
  if (kind === 'unknown')
    throw new Failure(`no BullMQ queue ${name}: check the name, --bullmq-prefix and the server`)
  if (kind === 'bull') throw new Failure(`${name} is a queue of Bull: move it to BullMQ first`)
  if (own.dryRun || own.live) return
  const [{ isPaused }, workers] = await Promise.all([from.settings(), from.countWorkers()])
  if (isPaused || workers === 0) return
  const found = workers === undefined ? 'BullMQ workers may be' : `${workers} BullMQ workers are`
  throw new Failure(
    `${found} taking jobs from ${name}: stop them, or pause the queue with queue.pause(), or repeat with --live`,
  )
}

function perform(work: Omit<ImportOptions, 'signal' | 'onProgress'>): Promise<Tally> {
  return untilInterrupted(async (signal) => {
    const counts = await Promise.all(statesOf(work).map((state) => work.from.count(state)))
    const total = counts.reduce((sum, count) => sum + count, 0)
    return withProgress('jobs', total, (onProgress) => importQueue({ ...work, signal, onProgress }))
  })
}

/** What the BullMQ queue says about all its jobs, which the target has to be told. */
async function describeSettings(from: BullQueue, dryRun: boolean): Promise<string[]> {
  const { isPaused, concurrency, rateMax, rateMs } = await from.settings()
  const notes: string[] = []
  if (isPaused && dryRun)
    notes.push('the BullMQ queue is paused; the target is not, unless titan pause stops it')
  if (concurrency !== null)
    notes.push(
      `the BullMQ queue runs ${concurrency} jobs at a time over all workers; here each worker has its concurrency`,
    )
  if (rateMax !== null)
    notes.push(
      `the BullMQ queue has a rate limit: give the workers rateLimit { max: ${rateMax}, perMs: ${rateMs ?? '…'} }`,
    )
  return notes
}
