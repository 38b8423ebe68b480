// A worker as a separate process: takes its orders from argv and reports over the channel to its parent.
import { createWorker } from '@titan/queue-core'
import type { BenchJobs } from './drivers/titan.ts'
import { connect } from './servers.ts'

const [url = '', queue = '', partitions = '1'] = process.argv.slice(2)
const client = await connect(url)
let runs = 0
const worker = createWorker<BenchJobs>(
  client,
  queue,
  { work: () => void runs++ },
  { concurrency: 100, partitions: Number(partitions) },
)

process.on('message', (message) => {
  void (message === 'start' ? start() : stop())
})
process.once('disconnect', () => process.exit())
process.send?.('ready')

async function start(): Promise<void> {
  await worker.start()
}

async function stop(): Promise<void> {
  await worker.stop()
  await client.close()
  process.send?.({ runs, memory: process.memoryUsage().rss }, () => process.exit())
}
