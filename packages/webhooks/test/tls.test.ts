import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { TEST_CERTIFICATE, TEST_KEY } from '@titan/testkit'
import { runScript } from '@titan/testkit/vitest'

interface TlsReceiver {
  readonly port: number
  /** The Host headers of what came in. */
  readonly hosts: readonly (string | undefined)[]
}

async function startTlsReceiver(): Promise<TlsReceiver> {
  const hosts: (string | undefined)[] = []
  const server = createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, (request, response) => {
    hosts.push(request.headers.host)
    response.end('over TLS')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { port: (server.address() as AddressInfo).port, hosts }
}

async function postOnce(url: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const script = runScript(new URL('support/post-once.ts', import.meta.url), [], { TARGET_URL: url, ...env })
  expect((await script.exited).code).toBe(0)
  expect(script.stderr()).not.toContain('Error')
  return JSON.parse(script.stdout())
}

async function writeCertificate(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'titan-certificate-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'certificate.pem')
  await writeFile(path, TEST_CERTIFICATE)
  return path
}

test('a receiver is spoken to over TLS by its name, at the address that was checked', async () => {
  const receiver = await startTlsReceiver()
  const trust = { NODE_EXTRA_CA_CERTS: await writeCertificate() }
  expect(await postOnce(`https://hook.test:${receiver.port}/`, trust)).toMatchObject({
    kind: 'answered',
    code: 200,
    body: 'over TLS',
  })
  expect(receiver.hosts).toEqual([`hook.test:${receiver.port}`])
})

test('one whose certificate is not trusted, or is for another name, gets nothing, whatever the environment says', async () => {
  const receiver = await startTlsReceiver()
  const lax = { NODE_TLS_REJECT_UNAUTHORIZED: '0' }
  expect(await postOnce(`https://hook.test:${receiver.port}/`, lax)).toMatchObject({ error: 'tls' })
  const trust = { NODE_EXTRA_CA_CERTS: await writeCertificate(), ...lax }
  expect(await postOnce(`https://other.test:${receiver.port}/`, trust)).toMatchObject({ error: 'tls' })
  expect(receiver.hosts).toEqual([])
})
