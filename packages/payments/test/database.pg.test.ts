import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { eventually } from '@titan/local/testing'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../src/index.ts'
import { createMigratedDatabase } from './support/database.ts'

const { url } = await createMigratedDatabase()

/** A way to PostgreSQL that resets the first `times` connections as soon as the driver asks for the array types. */
async function openResettingWay(times: number): Promise<{ readonly url: string; readonly resets: number }> {
  const target = new URL(url)
  let resets = 0
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) socket.on('error', () => undefined)
    near.on('data', (chunk: Buffer) => {
      if (resets === times || !chunk.includes('typcategory')) return void far.write(chunk)
      resets += 1
      near.resetAndDestroy()
      far.destroy()
    })
    far.on('data', (chunk: Buffer) => near.write(chunk))
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const way = new URL(url)
  way.port = String(address.port)
  way.hostname = '127.0.0.1'
  return {
    url: way.href,
    get resets() {
      return resets
    },
  }
}

// What nobody waits for would end the process; here it fails the run.
test('a connection that is reset while the driver still looks around fails its statement alone', async () => {
  const way = await openResettingWay(2)
  const sql = openDatabase(way.url, { poolSize: 1 })
  onTestFinished(() => sql.end({ timeout: 0 }))
  const ask = (): Promise<unknown> => sql`select ${['a', 'b,c']}::text[] as words`
  await expect(ask()).rejects.toMatchObject({
    code: expect.stringMatching(/^(ECONNRESET|CONNECTION_CLOSED)$/),
  })
  await eventually(async () => expect(await ask()).toMatchObject([{ words: ['a', 'b,c'] }]))
  expect(way.resets).toBe(2)
})
