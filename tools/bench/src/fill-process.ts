// Fills a queue as a separate process, so that the worker starts with the same heap for every backlog.
import { createQueue } from '@titan/queue-core'
import type { BenchJobs } from './drivers/titan.ts'
import { fill } from './scenarios/working.ts'
import { connect } from './servers.ts'
import { addWork } from './work.ts'

const [url = '', name = '', count = '0'] = process.argv.slice(2)

const client = await connect(url)
const queue = createQueue<BenchJobs>(client, name)
await fill({ addMany: (length) => addWork(queue, length) }, Number(count))
await client.close()
process.send?.('filled')
