import { readFileSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import { connect, type ConnectionOptions, type SecureVersion } from 'node:tls'
import { messageOf } from '@titan/queue-core/text-of'
import { FaultySetting } from '@titan/service'

/** How connections are encrypted. */
export interface Tls {
  /** The value of `sslmode`, for messages. */
  readonly name: string
  /** Whether a server without TLS is spoken to in plain text. */
  readonly isOptional: boolean
  /** Whether TLS begins at once, without asking the server first. */
  readonly isDirect: boolean
  readonly options: ConnectionOptions
}

/** The modes that encrypt without a look at the certificate. */
const UNVERIFIED = /^(allow|prefer|require|no-verify)$/

type Read = (name: string) => string | undefined

/**
 * Reads the encryption that a database URL asks for, as libpq does; undefined for none. Reads the files that it names.
 *
 * @throws FaultySetting for what contradicts itself, and for a file that cannot be read
 */
export function readTls(read: Read): Tls | undefined {
  const name = modeOf(read)
  if (name === '' || name === 'disable' || name === 'false') return undefined
  const files = readFiles(read)
  // Given sslrootcert, libpq verifies the certificate even under sslmode=require.
  const isVerified = !UNVERIFIED.test(name) || files.ca !== undefined
  return {
    name,
    isOptional: name === 'prefer' || name === 'allow',
    isDirect: (read('sslnegotiation') ?? process.env['PGSSLNEGOTIATION']) === 'direct',
    options: {
      ...files,
      rejectUnauthorized: isVerified,
      ...((name === 'verify-ca' || UNVERIFIED.test(name)) && { checkServerIdentity: () => undefined }),
      ...versions(read),
    },
  }
}

function modeOf(read: Read): string {
  const given = read('sslmode') ?? read('ssl') ?? process.env['PGSSL']
  const root = read('sslrootcert')
  if (root === 'system' && given !== undefined && given !== 'verify-full')
    throw new FaultySetting('has sslrootcert=system, which needs sslmode=verify-full')
  if (read('sslaccept') === 'strict' && given !== 'verify-ca') return 'verify-full'
  // A file that is named and not used would be a surprise.
  const implied = read('sslcert') === undefined ? '' : 'require'
  return given ?? (root === undefined ? implied : 'verify-full')
}

/** The certificate that signs the server's, and the client's own. */
function readFiles(read: Read): Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'passphrase'> {
  const [root, cert, key] = [read('sslrootcert'), read('sslcert'), read('sslkey')]
  if ((cert === undefined) !== (key === undefined))
    throw new FaultySetting(
      'must have both sslcert and sslkey, the certificate and key of the client; the certificate that signs the server’s is sslrootcert',
    )
  return {
    ...(root !== undefined && root !== 'system' && { ca: readPart('sslrootcert', root) }),
    ...(cert !== undefined && { cert: readPart('sslcert', cert) }),
    ...(key !== undefined && { key: readPart('sslkey', key) }),
    ...(read('sslpassword') !== undefined && { passphrase: read('sslpassword') }),
  }
}

function readPart(name: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new FaultySetting(`names a file of ${name} that cannot be read: ${messageOf(error)}`)
  }
}

function versions(read: Read): ConnectionOptions {
  const [least, most] = [read('ssl_min_protocol_version'), read('ssl_max_protocol_version')]
  return {
    ...(least !== undefined && { minVersion: secureVersion(least) }),
    ...(most !== undefined && { maxVersion: secureVersion(most) }),
  }
}

/** Node knows a version in one spelling alone, libpq in any. */
function secureVersion(text: string): SecureVersion {
  return text.toUpperCase().replace('V', 'v') as SecureVersion
}

/** Encrypts a socket; the caller waits for `secureConnect`. */
export function encrypt(socket: Socket, host: string, tls: Tls): Socket {
  return connect({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(tls.isDirect && { ALPNProtocols: ['postgresql'] }),
    ...tls.options,
  })
}
