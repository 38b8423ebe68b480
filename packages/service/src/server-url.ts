/** A host of a server's URL. */
export interface HostAndPort {
  /** A name, an address without brackets, or the folder of a Unix socket, which begins with `/`; '' where none is named. */
  readonly host: string
  /** Undefined where the URL names none. */
  readonly port: number | undefined
}

/** The parts of a server's URL, decoded. */
export interface ServerUrl {
  /** Such as `postgres` or `redis+sentinel`. */
  readonly scheme: string
  readonly user: string | undefined
  readonly password: string | undefined
  /** At least one. */
  readonly hosts: readonly HostAndPort[]
  /** Without its first slash. */
  readonly path: string
  readonly parameters: URLSearchParams
}

// Up to the last @ is the login, as everywhere: a password may hold one.
const FORM =
  /^(?<scheme>[a-z][a-z\d+.-]*):\/\/(?:(?<user>[^:/?#]*)(?::(?<password>[^/?#]*))?@)?(?<hosts>[^/?#@]*)(?<path>(?:\/[^?#]*)?)(?<query>(?:\?[^#]*)?)$/i
const HOST = /^(?:\[(?<bracketed>[\da-f:.]+(?:%[\w.-]+)?)\]|(?<plain>[^:[\]]*))(?::(?<port>\d*))?$/i
const LARGEST_PORT = 65_535

/**
 * Reads a URL that may name several hosts, each with its port, which `URL` refuses. As with libpq, the hosts may also be
 * in the parameters `host` and `port`, where one port is that of each host.
 *
 * @returns undefined for what is no such URL
 */
export function parseServerUrl(url: string): ServerUrl | undefined {
  const parts = FORM.exec(url)?.groups
  try {
    return parts && readParts(parts)
  } catch (error) {
    // A % that begins no character.
    if (error instanceof URIError) return undefined
    throw error
  }
}

function readParts(parts: Readonly<Record<string, string | undefined>>): ServerUrl | undefined {
  const { scheme = '', user, password, hosts: authority = '', path = '', query } = parts
  const parameters = new URLSearchParams(query)
  const ports = parameters.getAll('port').at(-1)?.split(',') ?? []
  const hosts = parameters.has('host') ? hostsIn(parameters, authority, ports) : parseHosts(authority, ports)
  return (
    hosts && {
      scheme: scheme.toLowerCase(),
      user: decode(user),
      password: decode(password),
      hosts,
      path: decodeURIComponent(path.slice(1)),
      parameters,
    }
  )
}

function decode(text = ''): string | undefined {
  return text === '' ? undefined : decodeURIComponent(text)
}

/** The hosts of the parameter `host`: not with their ports, so that the folder of a socket may have colons. */
function hostsIn(
  parameters: URLSearchParams,
  authority: string,
  ports: readonly string[],
): HostAndPort[] | undefined {
  const names = parameters.getAll('host').at(-1)?.split(',') ?? []
  const hosts = names.map((host) => ({ host, port: undefined }))
  // As with libpq, only the host is another one then.
  const before = parseHosts(authority, [])?.map(({ port }) => String(port ?? ''))
  return withPorts(hosts, ports.length > 0 ? ports : (before ?? []))
}

function parseHosts(hosts: string, ports: readonly string[]): HostAndPort[] | undefined {
  const parsed = hosts.split(',').flatMap((text) => {
    const groups = HOST.exec(text)?.groups
    const { bracketed, plain = '', port = '' } = groups ?? {}
    const number = portOf(port)
    return groups === undefined || Number.isNaN(number)
      ? []
      : [{ host: bracketed ?? decodeURIComponent(plain), port: number }]
  })
  return parsed.length === hosts.split(',').length ? withPorts(parsed, ports) : undefined
}

/** Gives the hosts the ports that were named apart from them; undefined where that cannot be. */
function withPorts(hosts: HostAndPort[], ports: readonly string[]): HostAndPort[] | undefined {
  const numbers = ports.map(portOf)
  const isNamed = hosts.length === 1 || hosts.every(({ host }) => host !== '')
  const isEven = ports.length <= 1 || ports.length === hosts.length
  if (!isNamed || !isEven || numbers.some(Number.isNaN)) return undefined
  return hosts.map(({ host, port }, index) => ({ host, port: numbers[index] ?? numbers[0] ?? port }))
}

/** Reads a port: undefined for none, NaN for what is none. */
function portOf(text: string): number | undefined {
  if (text === '') return undefined
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port > 0 && port <= LARGEST_PORT ? port : Number.NaN
}

/** Returns `host:port` of a server URL, of each of its hosts, which a message may quote: without login and parameters. */
export function addressOf(url: string): string {
  const { scheme = '', hosts = [] } = parseServerUrl(url) ?? {}
  const standardPort = scheme.endsWith('+sentinel') ? 26_379 : scheme.startsWith('redis') ? 6_379 : 5_432
  return hosts.map(({ host, port = standardPort }) => addressText(host, port)).join(',')
}

/** Returns an address as text: `host:port`, `[::1]:port` or the folder of a Unix socket. */
export function addressText(host: string, port: number): string {
  if (host.startsWith('/')) return host
  const name = host === '' ? 'localhost' : host
  return `${name.includes(':') ? `[${name}]` : name}:${port}`
}
