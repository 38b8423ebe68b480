import { FaultySetting } from '@titan/service'

const MODES = 'disable|allow|prefer|require|no-verify|verify-ca|verify-full'
const NUMBER = '\\d{1,9}'
const ANY = '[^]*'
const NOT_EMPTY = '[^]+'

/** The values that each parameter of a database URL may have. What libpq, hosters and other clients put there is listed. */
const FORMS: Readonly<Record<string, string>> = {
  // Where and who: read with the hosts.
  host: ANY,
  port: ANY,
  user: NOT_EMPTY,
  password: ANY,
  dbname: NOT_EMPTY,
  target_session_attrs: 'any|primary|read-write',
  load_balance_hosts: 'disable',
  // Encryption.
  sslmode: MODES,
  ssl: `true|false|${MODES}`,
  sslrootcert: NOT_EMPTY,
  sslcert: NOT_EMPTY,
  sslkey: NOT_EMPTY,
  sslpassword: ANY,
  sslaccept: 'strict|accept_invalid_certs',
  sslnegotiation: 'postgres|direct',
  ssl_min_protocol_version: 'TLSv1\\.[23]',
  ssl_max_protocol_version: 'TLSv1\\.[23]',
  // Sessions.
  options: ANY,
  search_path: NOT_EMPTY,
  schema: NOT_EMPTY,
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
  supa: ANY,
  uselibpqcompat: 'true|false',
}

const SERVER_SETTING = 'pass a server setting as options=-c%20name=value'
const POOL = 'remove it, and set DATABASE_POOL_SIZE where the pool needs another size'
const LIMITS = 'remove it: the programs set their own time limits, which bound an outage'
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
  application_name: 'remove it: each program names itself, and titan doctor reads the names',
  replication: 'remove it',
  max: POOL,
  connection_limit: POOL,
  pool_timeout: POOL,
  socket_timeout: LIMITS,
  statement_timeout: LIMITS,
  lock_timeout: LIMITS,
  idle_in_transaction_session_timeout: LIMITS,
}

/** @throws FaultySetting for a parameter that is not known, or whose value nothing here can honour; no value is quoted */
export function checkParameters(parameters: URLSearchParams): void {
  for (const [name, value] of parameters) {
    const form = FORMS[name]
    const advice = ADVICE[name]
    if (form === undefined) {
      const shown = JSON.stringify(name.slice(0, 40))
      throw new FaultySetting(`has the parameter ${shown}: ${advice ?? `remove it, or ${SERVER_SETTING}`}`)
    }
    if (!new RegExp(`^(${form})$`, 'i').test(value))
      throw new FaultySetting(`has a value of ${name} that cannot be used: ${advice ?? mustBe(form)}`)
  }
}

function mustBe(form: string): string {
  if (form === NUMBER) return 'it must be a whole number'
  return form === NOT_EMPTY ? 'it must not be empty' : `it must be ${form.replaceAll('|', ', ')}`
}
