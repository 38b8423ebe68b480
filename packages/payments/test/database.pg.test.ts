import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../src/index.ts'
import { createMigratedDatabase } from '@titan/testkit/vitest'
import { startPostgresProxy } from './support/postgres-proxy.ts'

const { url } = await createMigratedDatabase()

// What nobody waits for would end the process; here it fails the run.
test('a connection that is reset while the driver still looks around fails its statement alone', async () => {
  const proxy = await startPostgresProxy(url)
  // The driver asks for the types of arrays first.
  proxy.resetAt('typcategory', 2)
  const sql = openDatabase(proxy.url, { poolSize: 1 })
  onTestFinished(() => sql.end({ timeout: 0 }))
  const ask = (): Promise<unknown> => sql`select ${['a', 'b,c']}::text[] as words`
  await expect(ask()).rejects.toMatchObject({
    code: expect.stringMatching(/^(ECONNRESET|CONNECTION_CLOSED)$/),
  })
  await eventually(async () => expect(await ask()).toMatchObject([{ words: ['a', 'b,c'] }]))
  expect(proxy.losses).toBe(2)
})
