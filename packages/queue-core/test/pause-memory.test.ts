import { expect, test } from 'vitest'
import { createQueue, type RedisNodeClient } from '../src/index.ts'

/** A client whose server has no memory left for signals. */
const full = {
  isReady: true,
  sendCommand: ([command]: string[]) =>
    command === 'XADD'
      ? Promise.reject(new Error("OOM command not allowed when used memory > 'maxmemory'."))
      : Promise.resolve(1),
} as unknown as RedisNodeClient

test('a queue is resumed although its server has no memory for the signal', async () => {
  await createQueue(full, 'q').resume()
})

test('a resume that the server cannot take is an error', async () => {
  const gone = { ...full, sendCommand: () => Promise.reject(new Error('gone')) } as unknown as RedisNodeClient
  await expect(createQueue(gone, 'q').resume()).rejects.toThrow('gone')
})
