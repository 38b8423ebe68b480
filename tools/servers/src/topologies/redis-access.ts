import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { LOOPBACK } from '../ports.ts'

/** What clients log in with. */
export interface RedisLogin {
  /** @default the user `default` */
  readonly username?: string
  readonly password: string
  /** Rights of the user `username`, for example `['~titan:*', '&*', '+@all', '-config']`. @default all */
  readonly rules?: readonly string[]
}

/** Files of a certificate in PEM, for `127.0.0.1` and for names that are announced. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
}

/** How the nodes are reached, by clients and among each other. */
export type RedisAccess = ReturnType<typeof createRedisAccess>

const REPLY_TIMEOUT_MS = 5_000
const EVERYTHING = ['~*', '&*', '+@all']

/** Nodes log in at each other as `default`; a user of the clients may have less rights. */
export function createRedisAccess(login?: RedisLogin, tls?: TlsFiles) {
  const password = login === undefined || login.username === undefined ? login?.password : randomSecret()
  const scheme = tls === undefined ? 'redis' : 'rediss'
  return {
    /** `redis`, or `rediss` with TLS. */
    scheme,
    /** The password of the user `default`, when there is one. */
    password,
    tls: tls && { ca: readFileSync(tls.caFile, 'utf8') },
    /** `user:password@` of the clients, empty without a login. */
    userInfo: login === undefined ? '' : `${encodeAll(login.username ?? '', login.password)}@`,
    urlOf: (port: number) =>
      `${scheme}://${password === undefined ? '' : `${encodeAll('', password)}@`}${LOOPBACK}:${port}`,
    /** The lines of a server's configuration. Passwords are in files that this account alone reads. */
    config(port: number, folder: string) {
      const lines = [`bind ${LOOPBACK}`, ...(tls === undefined ? [`port ${port}`] : tlsConfig(port, tls))]
      if (login === undefined || password === undefined) return lines
      const users = join(folder, 'users.acl')
      const { username, rules = EVERYTHING } = login
      const list = [`user default on >${password} ${EVERYTHING.join(' ')}`]
      if (username !== undefined) list.push(`user ${username} on >${login.password} ${rules.join(' ')}`)
      writeFileSync(users, `${list.join('\n')}\n`, { mode: 0o600 })
      return [...lines, `aclfile ${JSON.stringify(users)}`]
    },
  }
}

function tlsConfig(port: number, { certFile, keyFile, caFile }: TlsFiles) {
  return [
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${JSON.stringify(certFile)}`,
    `tls-key-file ${JSON.stringify(keyFile)}`,
    `tls-ca-cert-file ${JSON.stringify(caFile)}`,
    'tls-auth-clients no',
    'tls-replication yes',
  ]
}

/** Sends one command to a node, with the topology's own login. */
export async function sendTo<Reply = unknown>(access: RedisAccess, port: number, command: string[]) {
  const common = { host: LOOPBACK, port, connectTimeout: REPLY_TIMEOUT_MS, socketTimeout: REPLY_TIMEOUT_MS }
  const plain = { ...common, reconnectStrategy: false as const }
  const client = createClient({
    RESP: 2,
    socket: access.tls === undefined ? plain : { ...plain, tls: true as const, ...access.tls },
    ...(access.password !== undefined && { password: access.password }),
  })
  client.on('error', () => {})
  await client.connect()
  try {
    return await client.sendCommand<Reply>(command)
  } finally {
    client.destroy()
  }
}

function encodeAll(username: string, password: string) {
  return `${encodeURIComponent(username)}:${encodeURIComponent(password)}`
}

function randomSecret() {
  return randomBytes(18).toString('base64url')
}
