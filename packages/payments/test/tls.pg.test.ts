import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createSecureContext, TLSSocket } from 'node:tls'
import { TEST_CERTIFICATE, TEST_KEY } from '@titan/testkit'
import { createFolder, createMigratedDatabase, openTcpProxy } from '@titan/testkit/vitest'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../src/index.ts'

const { url } = await createMigratedDatabase()

/** Starts a PostgreSQL with TLS that asks for the certificate of each client; it ends with the test. */
async function startTls() {
  const secureContext = createSecureContext({ key: TEST_KEY, cert: TEST_CERTIFICATE, ca: TEST_CERTIFICATE })
  const clients: (string | undefined)[] = []
  const proxy = await openTcpProxy(url, {
    greet: (raw: Socket) =>
      new Promise((resolve) => {
        raw.once('data', () => {
          raw.write('S')
          const secure = new TLSSocket(raw, {
            isServer: true,
            secureContext,
            requestCert: true,
            rejectUnauthorized: false,
          })
          secure.on('error', () => undefined)
          secure.once('secure', () => {
            clients.push(secure.getPeerX509Certificate()?.fingerprint256)
            resolve(secure)
          })
        })
      }),
  })
  const folder = createFolder()
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  writeFileSync(certificate, TEST_CERTIFICATE)
  writeFileSync(key, TEST_KEY)
  return { port: proxy.port, certificate, key, clients }
}

function ask(port: number, parameters: string, host = '127.0.0.1'): PromiseLike<unknown> {
  const { username, password, pathname } = new URL(url)
  const to = `postgres://${username}:${password}@${host}:${port}${pathname}?${parameters}`
  const sql = openDatabase(to, { poolSize: 1 })
  onTestFinished(() => sql.end({ timeout: 0 }))
  return sql`select 1 as one`
}

/** An address of the same server that its certificate does not name. */
const UNNAMED = '[::ffff:127.0.0.1]'

// F316 a server with a certificate of its own authority, and one that wants the client's: sslrootcert, sslcert and sslkey
//  are used, and verify-ca, verify-full and require check what libpq checks
test('sslrootcert decides whom to trust, and sslmode whether the name must fit', async () => {
  const { port, certificate } = await startTls()
  const served = [{ one: 1 }]
  expect(await ask(port, `sslrootcert=${certificate}`)).toEqual(served)
  expect(await ask(port, `sslrootcert=${certificate}&sslmode=verify-ca`, UNNAMED)).toEqual(served)
  expect(await ask(port, `sslrootcert=${certificate}&sslmode=require`, UNNAMED)).toEqual(served)
  await expect(ask(port, `sslrootcert=${certificate}&sslmode=verify-full`, UNNAMED)).rejects.toMatchObject({
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  await expect(ask(port, 'sslmode=verify-ca')).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  expect(await ask(port, 'sslmode=require', UNNAMED)).toEqual(served)
  expect(await ask(port, 'sslmode=allow', UNNAMED)).toEqual(served)
})

test('sslcert and sslkey prove the client', async () => {
  const { port, certificate, key, clients } = await startTls()
  await ask(port, 'sslmode=require')
  await ask(port, `sslmode=require&sslcert=${certificate}&sslkey=${key}`)
  expect(clients).toEqual([undefined, expect.stringMatching(/^[\dA-F:]+$/)])
})

test('a role is asked for over TLS too, of each of several servers', async () => {
  const { port, certificate } = await startTls()
  const dead = 'localhost:1'
  expect(await ask(port, `sslrootcert=${certificate}`, `${dead},127.0.0.1`)).toEqual([{ one: 1 }])
})
