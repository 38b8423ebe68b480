import { once } from 'node:events'
import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'
import { LOOPBACK } from '../../src/ports.ts'

/** A port on which a stranger listens, and says nothing, until the test ends. */
export async function takePort(): Promise<number> {
  const stranger = createServer().listen(0, LOOPBACK)
  onTestFinished(() => void stranger.close())
  await once(stranger, 'listening')
  const address = stranger.address()
  return typeof address === 'object' && address ? address.port : 0
}
