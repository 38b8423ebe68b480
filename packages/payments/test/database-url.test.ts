import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '@titan/service'
import { expect, onTestFinished, test } from 'vitest'
import { readDatabaseUrl } from '../src/connection/url.ts'
import { loadPaymentsConfig, openDatabase } from '../src/index.ts'

function faultOf(url: string): string {
  try {
    readDatabaseUrl(url)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

/** The servers, whether one must be the primary, and how connections are encrypted. */
function sketchOf(url: string): string {
  const { servers, requiresPrimary, tls, prepare } = readDatabaseUrl(url)
  const verifies = tls?.options.rejectUnauthorized === true
  const isNameChecked = verifies && tls.options.checkServerIdentity === undefined
  return [
    servers.map(({ name }) => name).join(','),
    requiresPrimary ? 'primary' : 'any',
    tls === undefined ? 'plain' : isNameChecked ? 'full' : verifies ? 'ca' : 'unverified',
    ...(prepare ? [] : ['unnamed']),
  ].join(' ')
}

// F313 DATABASE_URL as hosters and other clients write it: its parameters are honoured, or refused with a sentence that says
//  what to do, before a connection is opened; none reaches the server as a setting that it does not know
test.each([
  ['Heroku', 'postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1', 'any plain'],
  [
    'Heroku with TLS',
    'postgres://u:p@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d1?sslmode=no-verify',
    'any unverified',
  ],
  [
    'Supabase, session mode',
    'postgresql://postgres.ref:p@aws-0-eu.pooler.supabase.com:5432/postgres',
    'any plain',
  ],
  [
    'Supabase, from Vercel',
    'postgres://postgres.ref:p@aws-0-eu.pooler.supabase.com:6543/postgres?sslmode=require&supa=base-pooler.x',
    'any unverified',
  ],
  [
    'Supabase, for Prisma',
    'postgresql://postgres.ref:p@aws-0-eu.pooler.supabase.com:6543/postgres?pgbouncer=true',
    'any plain unnamed',
  ],
  [
    'RDS',
    'postgresql://u:p@db.abc.eu-central-1.rds.amazonaws.com:5432/titan?sslmode=verify-full',
    'any full',
  ],
  [
    'Azure',
    'postgresql://titan%40srv:p@srv.postgres.database.azure.com:5432/postgres?sslmode=require',
    'any unverified',
  ],
  ['Prisma', 'postgresql://u:p@localhost:5432/titan?schema=public&connect_timeout=10', 'any plain'],
  [
    'Prisma, strict',
    'postgresql://u:p@h:5432/titan?sslaccept=strict&statement_cache_size=0',
    'any full unnamed',
  ],
  [
    'Neon, without channel binding',
    'postgresql://alex:p@ep-cool-1-pooler.us-east-2.aws.neon.tech/dbname?sslmode=verify-full&sslrootcert=system',
    'any full',
  ],
  [
    'libpq',
    'postgres://u:p@a:5432,b:5433/d?sslmode=prefer&gssencmode=prefer&keepalives=1',
    'primary unverified',
  ],
  ['JDBC', 'postgresql://h/d?user=u&password=p&ssl=true', 'any full'],
  ['capitals', 'postgres://h/d?sslmode=VERIFY-FULL&prepare=FALSE', 'any full unnamed'],
  ['capitals, without TLS', 'postgres://a,b/d?sslmode=DISABLE&target_session_attrs=ANY', 'any plain'],
  ['a template with nothing in it', 'postgres://h/d?sslmode=&options=&connect_timeout=', 'any plain'],
  // What the driver took before the programs read the URL: an upgrade must start.
  [
    'other clients, whose names and limits do not hold here',
    'postgres://h/d?application_name=x&TimeZone=UTC&max=5&statement_timeout=5s&lock_timeout=0&idle_in_transaction_session_timeout=1min',
    'any plain',
  ],
])('the URL of %s is honoured', (_name, url, is) => {
  expect(sketchOf(url).replace(/^\S+ /, '')).toBe(is)
})

test('a socket, IPv6 and the parameters host and port name servers', () => {
  expect(sketchOf('postgres:///d?host=/cloudsql/p:r:i')).toBe('/cloudsql/p:r:i any plain')
  expect(readDatabaseUrl('postgres:///d?host=/run/pg&port=5433').servers[0]?.path).toBe(
    '/run/pg/.s.PGSQL.5433',
  )
  expect(sketchOf('postgres://[::1]:5433,h/d?target_session_attrs=any')).toBe('[::1]:5433,h:5432 any plain')
  expect(sketchOf('postgres://h/d?target_session_attrs=read-write')).toBe('h:5432 primary plain')
})

test('login, database and settings of the session are read', () => {
  const url = 'postgres://h?user=u&password=p%40&dbname=d&options=-c%20geqo=off&schema=a"b&connect_timeout=2'
  expect(readDatabaseUrl(url)).toMatchObject({
    user: 'u',
    password: 'p@',
    database: 'd',
    startup: { options: '-c geqo=off', search_path: '"a""b"' },
    connectTimeoutMs: 2_000,
  })
})

test.each([
  ['target_session_attrs=standby', 'use primary: payments need the server that takes writes'],
  ['target_session_attrs=prefer-standby', 'use primary'],
  ['target_session_attrs=read-only', 'use primary'],
  ['load_balance_hosts=random', 'remove it: one server takes the writes'],
  ['channel_binding=require', 'the driver does not support it; remove it and use sslmode=verify-full'],
  ['gssencmode=require', 'use TLS instead: sslmode=verify-full'],
  ['sslmode=required', 'it must be disable, allow, prefer, require, no-verify, verify-ca, verify-full'],
  ['connect_timeout=soon', 'it must be a whole number'],
  ['hostaddr=10.0.0.1', 'name the address as the host'],
  ['passfile=/x', 'put user and password into the URL'],
  ['service=main', 'write out what the service names'],
  ['connection_limit=1', 'set DATABASE_POOL_SIZE'],
  ['pool_timeout=0', 'set DATABASE_POOL_SIZE'],
  ['sslidentity=/x.p12', 'convert it'],
  ['socket_timeout=0', 'the programs set their own time limits'],
  ['x?secret@db/titan', 'has a ? or & that must be percent-encoded'],
  ['sslcert=/x.crt', 'must have both sslcert and sslkey'],
  ['sslrootcert=/nowhere.pem', 'names a file of sslrootcert that cannot be read'],
  ['sslrootcert=system&sslmode=require', 'needs sslmode=verify-full'],
  ['geqo=off', 'has the parameter "geqo": remove it, or pass a server setting as options=-c%20name=value'],
])('%s is refused with what to do', (parameters, text) => {
  const url = `postgres://user:secret@db/titan?${parameters}`
  expect(faultOf(url)).toContain(text)
  const environment: Environment = { DATABASE_URL: url, REDIS_URL: 'redis://cache' }
  expect(() => loadPaymentsConfig(environment)).toThrow(text)
  expect(() => openDatabase(url)).toThrow(`the URL of PostgreSQL ${faultOf(url)}`)
  expect(faultOf(url)).not.toContain('secret')
})

test('versions of TLS may be in any case', () => {
  const { tls } = readDatabaseUrl('postgres://h/d?sslmode=require&ssl_min_protocol_version=tlsv1.3')
  expect(tls?.options.minVersion).toBe('TLSv1.3')
})

test('the files that a URL names are read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'titan-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const name of ['root', 'cert', 'key']) writeFileSync(join(folder, name), name)
  const files = `sslrootcert=${folder}/root&sslcert=${folder}/cert&sslkey=${folder}/key&sslpassword=x`
  // As libpq does: with a certificate, `require` checks the server too; but a file alone must not be ignored.
  expect(sketchOf(`postgres://h/d?${files}&sslmode=require`)).toBe('h:5432 any ca')
  expect(sketchOf(`postgres://h/d?${files}&sslmode=verify-ca`)).toBe('h:5432 any ca')
  expect(sketchOf(`postgres://h/d?${files}`)).toBe('h:5432 any full')
  expect(readDatabaseUrl(`postgres://h/d?${files}`).tls?.options).toMatchObject({
    ca: Buffer.from('root'),
    cert: Buffer.from('cert'),
    key: Buffer.from('key'),
    passphrase: 'x',
  })
})
