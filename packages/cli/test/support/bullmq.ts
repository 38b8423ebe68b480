import { Queue as Queue4, Worker as Worker4 } from 'bullmq-4'
import { Queue as Queue5, Worker as Worker5 } from 'bullmq-5'
import { FlowProducer, Queue as Queue6, Worker as Worker6 } from 'bullmq'
import { inject, onTestFinished } from 'vitest'

/** The versions whose queues are moved. */
export const VERSIONS = [4, 5, 6] as const
export type Version = (typeof VERSIONS)[number]

const { hostname: host, port } = new URL(inject('redisUrl'))
const connection = { host, port: Number(port), maxRetriesPerRequest: null }

/** The verbs of a BullMQ queue that all versions have. */
export type BullMq = Pick<
  Queue6,
  | 'add'
  | 'addBulk'
  | 'pause'
  | 'resume'
  | 'getJobCounts'
  | 'getJob'
  | 'getWaiting'
  | 'obliterate'
  | 'close'
  | 'setGlobalConcurrency'
>

/** Opens a real BullMQ queue until the test ends. */
export function openBullMq(version: Version, prefix: string, db = 0): BullMq {
  const Queue = { 4: Queue4, 5: Queue5, 6: Queue6 }[version] as typeof Queue6
  const queue = new Queue('mail', { connection: { ...connection, db }, prefix })
  onTestFinished(() => queue.close())
  return queue
}

/** Starts a real BullMQ worker until the test ends. */
export async function startBullMq(
  version: Version,
  prefix: string,
  handler: (job: { readonly name: string; readonly data: unknown }) => Promise<unknown>,
  options: { readonly concurrency?: number } = {},
): Promise<{ close(): Promise<unknown> }> {
  const Worker = { 4: Worker4, 5: Worker5, 6: Worker6 }[version] as typeof Worker6
  const worker = new Worker('mail', handler, { connection, prefix, drainDelay: 1, ...options })
  worker.on('error', () => {})
  onTestFinished(() => worker.close(true))
  await worker.waitUntilReady()
  return worker
}

/** Adds a flow of a parent and a child. */
export async function addFlow(prefix: string): Promise<void> {
  const flows = new FlowProducer({ connection, prefix })
  onTestFinished(() => flows.close())
  const children = [{ name: 'child', queueName: 'mail', data: {} }]
  await flows.add({ name: 'parent', queueName: 'mail', data: {}, children })
}

/** Adds a repeating job as code of its time does. */
export async function addRepeating(
  queue: BullMq,
  version: Version,
  key: string,
  recurrence: {
    readonly pattern?: string
    readonly every?: number
    readonly tz?: string
    readonly limit?: number
  },
  name: string,
  data: object,
  options: object = {},
): Promise<void> {
  const old = queue as unknown as Queue5
  if (version === 6)
    await (queue as Queue6).upsertJobScheduler(key, recurrence, { name, data, opts: options })
  else await old.add(name, data, { ...options, repeat: recurrence, jobId: key })
}
