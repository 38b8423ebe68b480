import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@titan/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { startHaproxy } from '../../src/topologies/index.ts'
import { findProgram } from '../../src/topologies/programs.ts'
import { createFolder } from '../support/folder.ts'

/** Serves its name; `isReady` is what it answers to the check. */
async function startBackend(name: string) {
  const backend = { isReady: true, port: 0 }
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/readyz' && !backend.isReady ? 503 : 200
    response.end(name)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  backend.port = (server.address() as AddressInfo).port
  onTestFinished(() => server.closeAllConnections())
  onTestFinished(() => void server.close())
  return backend
}

test('HAProxy leads to the servers that are ready', { timeout: 60_000 }, async ({ skip }) => {
  // It is on PATH or comes from Debian's package.
  await findProgram('haproxy').catch((error: Error) => skip(error.message))
  const first = await startBackend('first')
  const second = await startBackend('second')
  const proxy = await startHaproxy(createFolder(), { backends: [first, second], check: '/readyz' })
  onTestFinished(() => proxy.stop())
  first.isReady = false
  await eventually(async () => expect(await proxy.backendsUp()).toEqual([second.port]))
  for (let round = 0; round < 4; round++) expect(await (await fetch(proxy.url)).text()).toBe('second')
  await proxy.stop()
  await expect(fetch(proxy.url)).rejects.toThrow()
})
