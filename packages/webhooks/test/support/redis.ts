import { createClient } from 'redis'
import { afterAll } from 'vitest'

/** The client that the tests use, as the programs do. */
export type TestRedis = ReturnType<typeof createClient>

/** A connected client, closed after the test file; call it at the top level and await it. */
export async function connectRedis(url: string): Promise<TestRedis> {
  const client: TestRedis = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  afterAll(() => client.destroy())
  return client
}
