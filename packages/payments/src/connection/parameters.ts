import { FaultySetting } from '@titan/service'

const MODES = 'disable|allow|prefer|require|no-verify|verify-ca|verify-full'
const NUMBER = '\\d{1,9}'
const ANY = '[^]*'
/** A form that is a choice of words, which may be in capitals. */
const WORDS = /^[\w|-]+$/

/** The values that each parameter of a database URL may have. What libpq, hosters and other clients put there is listed. */
const FORMS: Readonly<Record<string, string>> = {
  // Where and who: read with the hosts.
  host: ANY,
  port: ANY,
  user: ANY,
  password: ANY,
  dbname: ANY,
  target_session_attrs: 'any|primary|read-write',
  load_balance_hosts: 'disable',
  // Encryption.
  sslmode: MODES,
  ssl: `true|false|${MODES}`,
  sslrootcert: ANY,
  sslcert: ANY,
  sslkey: ANY,
  sslpassword: ANY,
  sslaccept: 'strict|accept_invalid_certs',
  sslnegotiation: 'postgres|direct',
  ssl_min_protocol_version: 'TLSv1\\.[23]',
  ssl_max_protocol_version: 'TLSv1\\.[23]',
  // Sessions.
  options: ANY,
  search_path: ANY,
  schema: ANY,
  prepare: 'true|false',
  pgbouncer: 'true|false',
  statement_cache_size: NUMBER,
  // Time limits, in seconds.
  connect_timeout: NUMBER,
  keepalives_idle: NUMBER,
  idle_timeout: NUMBER,
  max_lifetime: NUMBER,
  // What holds in any case, or changes nothing that matters here.
  channel_binding: 'disable|prefer',
  gssencmode: 'disable|prefer',
  sslsni: '1',
  sslcompression: '[01]',
  client_encoding: 'auto|utf-?8',
  keepalives: '1',
  keepalives_interval: NUMBER,
  keepalives_count: NUMBER,
  tcp_user_timeout: NUMBER,
  fallback_application_name: ANY,
  application_name: ANY,
  timezone: ANY,
  TimeZone: ANY,
  max: NUMBER,
  statement_timeout: ANY,
  lock_timeout: ANY,
  idle_in_transaction_session_timeout: ANY,
  supa: ANY,
  uselibpqcompat: 'true|false',
}

const SERVER_SETTING = 'pass a server setting as options=-c%20name=value'
const POOL = 'remove it, and set DATABASE_POOL_SIZE where the pool needs another size'
const SECRETS = 'put user and password into the URL'

/** What to do about a parameter, or about a value that its form excludes. */
const ADVICE: Readonly<Record<string, string>> = {
  target_session_attrs: 'use primary: payments need the server that takes writes',
  load_balance_hosts: 'remove it: one server takes the writes',
  channel_binding:
    'the driver does not support it; remove it and use sslmode=verify-full, which proves the server as well',
  gssencmode: 'use TLS instead: sslmode=verify-full',
  sslsni: 'remove it: TLS always names the server',
  client_encoding: 'remove it: the encoding is UTF8',
  keepalives: 'remove it: connections without a time limit rely on keepalives',
  hostaddr: 'name the address as the host, or let its name resolve',
  passfile: SECRETS,
  service: 'write out what the service names: host, user, password and database',
  servicefile: 'write out what the service names: host, user, password and database',
  sslidentity: 'convert it (openssl pkcs12) and name the files as sslcert and sslkey',
  sslcrl: 'remove it: revoked certificates are not looked up',
  sslcrldir: 'remove it: revoked certificates are not looked up',
  require_auth: 'remove it: the server chooses how a password is proven',
  requirepeer: 'remove it: the owner of a socket is not looked up',
  replication: 'remove it',
  connection_limit: POOL,
  pool_timeout: POOL,
  socket_timeout: 'remove it: the programs set their own time limits, which bound an outage',
}

/** Reads a parameter, of one that is given twice the last; undefined where it is empty, as libpq does. */
export function readParameter(parameters: URLSearchParams, name: string): string | undefined {
  const value = parameters.getAll(name).at(-1)
  if (value === '') return undefined
  return WORDS.test(FORMS[name] ?? '') ? value?.toLowerCase() : value
}

/** @throws FaultySetting for a parameter that is not known, or whose value nothing here can honour; no value is quoted */
export function checkParameters(parameters: URLSearchParams): void {
  for (const [name, value] of parameters) {
    const form = FORMS[name]
    const advice = ADVICE[name]
    if (form === undefined) {
      // What is no name may be the rest of a password.
      if (!/^\w{1,40}$/.test(name)) throw new FaultySetting('has a ? or & that must be percent-encoded')
      throw new FaultySetting(`has the parameter "${name}": ${advice ?? `remove it, or ${SERVER_SETTING}`}`)
    }
    if (value !== '' && !new RegExp(`^(${form})$`, 'i').test(value))
      throw new FaultySetting(`has a value of ${name} that cannot be used: ${advice ?? mustBe(form)}`)
  }
}

function mustBe(form: string): string {
  if (form === NUMBER) return 'it must be a whole number'
  return `it must be ${form.replaceAll('|', ', ')}`
}
