// Fills a queue in a process of its own: a heap that has made a million jobs would slow down whoever works them off.
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
