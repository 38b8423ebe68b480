// The worker of the plain design: UPDATE, charge, UPDATE, XACK and XDEL for each payment, many at a time.
import postgres from 'postgres'
import { connect } from '../servers.ts'
import { comparedTable, GROUP, STREAM } from './compared.ts'

const [databaseUrl = '', redisUrl = '', concurrency = '1'] = process.argv.slice(2)
const sql = postgres(databaseUrl, { max: 10, onnotice: () => {} })
const redis = await connect(redisUrl)
const reader = await connect(redisUrl)
await sql.unsafe(comparedTable('plain_payments'))
await redis.xGroupCreate(STREAM, GROUP, '0', { MKSTREAM: true })

let running = 0
let wake = (): void => {}
const stopped = new AbortController()

/** The gateway of both designs: it answers at once. */
async function charge(): Promise<void> {}

async function settle(entryId: string, paymentId: string): Promise<void> {
  const [claimed] = await sql`
    update plain_payments set status = 'PROCESSING', updated_at = clock_timestamp()
    where id = ${paymentId} and status in ('PENDING', 'QUEUED') returning id`
  if (claimed !== undefined) {
    await charge()
    await sql`
      update plain_payments set status = 'SUCCESS', updated_at = clock_timestamp()
      where id = ${paymentId} and status = 'PROCESSING'`
  }
  await Promise.all([redis.xAck(STREAM, GROUP, entryId), redis.xDel(STREAM, entryId)])
}

async function read(): Promise<void> {
  while (!stopped.signal.aborted) {
    const free = Number(concurrency) - running
    if (free === 0) {
      await new Promise<void>((resolve) => (wake = resolve))
      continue
    }
    const reply = await reader.xReadGroup(GROUP, 'one', { key: STREAM, id: '>' }, { COUNT: free, BLOCK: 200 })
    const streams = reply as { messages: { id: string; message: Record<string, string> }[] }[] | null
    for (const { id, message } of streams?.[0]?.messages ?? []) {
      running++
      void settle(id, message['payment_id'] ?? '').finally(() => {
        running--
        wake()
      })
    }
  }
}

process.once('SIGTERM', () => stopped.abort())
process.stdout.write('ready\n')
await read()
await Promise.all([sql.end(), redis.close(), reader.close()])
