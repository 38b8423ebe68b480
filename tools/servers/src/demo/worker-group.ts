import { createClient } from 'redis'

/**
 * The arguments with which workers continue the queue that Redis holds. A queue has one consumer group, and earlier
 * versions of `start` named it `g1`. None when there is no group yet, or `WORKER_GROUP` names one.
 */
export async function workerGroupArgs(redisUrl: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  if (env['WORKER_GROUP']) return []
  const stream = `${env['QUEUE_PREFIX'] || 'titan'}:{payments}:jobs`
  const client = createClient({ url: redisUrl, RESP: 2, socket: { reconnectStrategy: false } })
  client.on('error', () => {
    // The command below rejects with it.
  })
  try {
    await client.connect()
    const [group] = await client.xInfoGroups(stream)
    return group === undefined ? [] : ['--group', group.name]
  } catch {
    // No stream yet. A server that cannot be used is the worker's to report.
    return []
  } finally {
    client.destroy()
  }
}
