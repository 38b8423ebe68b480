// Fills a queue in a process of its own, so that whoever works it off begins with the same heap, however long it is.
import { createQueue } from '@titan/queue-core'
import { PAYLOAD } from './drivers/driver.ts'
import type { BenchJobs } from './drivers/titan.ts'
import { connect } from './servers.ts'
import { perSecond } from './work.ts'

const [url = '', name = '', count = '0'] = process.argv.slice(2)
const FILL = 500

const client = await connect(url)
const queue = createQueue<BenchJobs>(client, name)
const jobs = Array.from({ length: FILL }, () => ({ name: 'work' as const, data: PAYLOAD }))
await perSecond(Math.ceil(Number(count) / FILL), 4, () => queue.enqueueMany(jobs))
await client.close()
process.send?.('filled')
