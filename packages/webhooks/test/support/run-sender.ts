// A sender in a separate process, so that it can be killed.
import { openDatabase } from '@titan/payments'
import { createClient } from 'redis'
import { loadWebhooksConfig, startWebhookSender } from '../../src/index.ts'

const { DATABASE_URL = '', REDIS_URL = '', QUEUE_PREFIX = '' } = process.env
const config = loadWebhooksConfig(process.env)
if (config === undefined) throw new Error('WEBHOOK_ENCRYPTION_KEY must be set')
const redis = createClient({ url: REDIS_URL })
redis.on('error', console.error)
await redis.connect()
await startWebhookSender({
  sql: openDatabase(DATABASE_URL),
  redis,
  config,
  prefix: QUEUE_PREFIX,
  intervalMs: 20,
})
