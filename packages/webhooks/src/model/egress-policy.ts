import ipaddr from 'ipaddr.js'
import { WebhooksError } from './errors.ts'

/** Where webhooks may be sent. */
export interface EgressPolicy {
  /** Allows `http:` too. For development. */
  readonly allowHttp: boolean
  readonly allowedPorts: readonly number[]
  /** Subnets, such as `127.0.0.0/8`, that are allowed although they are not public. */
  readonly allowedSubnets: readonly string[]
}

/** The public internet over TLS. */
export const PUBLIC_EGRESS: EgressPolicy = {
  allowHttp: false,
  allowedPorts: [443, 80, 8443],
  allowedSubnets: [],
}

const MAX_URL_LENGTH = 2_048
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/**
 * Checks a URL and returns it in its normal form. A host name is judged when a connection is made, because it may resolve
 * to another address by then; an address is judged here too, in any notation.
 *
 * @throws {WebhooksError} `INVALID_ENDPOINT`
 */
export function checkUrl(text: string, policy: EgressPolicy) {
  const url = URL.parse(text)
  // Normalising makes some URLs longer.
  if (url === null || url.href.length > MAX_URL_LENGTH)
    throw invalidUrl(`url must be an absolute URL of at most ${MAX_URL_LENGTH} characters`)
  const { protocol, username, password, port, hostname } = url
  const defaultPort = DEFAULT_PORTS[protocol]
  if (defaultPort === undefined || (protocol === 'http:' && !policy.allowHttp))
    throw invalidUrl('url must start with https://')
  if (username !== '' || password !== '') throw invalidUrl('url must not hold a user name or password')
  if (!policy.allowedPorts.includes(port === '' ? defaultPort : Number(port)))
    throw invalidUrl(`url must use port ${policy.allowedPorts.join(' or ')}`)
  const address = addressIn(hostname)
  const reason = address && whyNotReachable(address, policy)
  if (reason !== undefined) throw invalidUrl(`url must lead to a public address, this one is ${reason}`)
  url.hash = ''
  return url.href
}

/** Returns the address that a URL names instead of a host; decimal, octal and hexadecimal ones are normalised already. */
function addressIn(hostname: string) {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return ipaddr.isValid(bare) ? bare : undefined
}

function invalidUrl(message: string) {
  return new WebhooksError('INVALID_ENDPOINT', message, { field: 'url' })
}

/** IANA allocates global addresses from here only. Others may be translated or routed to anywhere. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3')

/** A public address that leads to the host of a machine inside a cloud: Azure's agent. */
const CLOUD_HOST = '168.63.129.16'

/**
 * Returns why an address must not be connected to; undefined when it may be. Only global unicast passes; an IPv4 address
 * inside an IPv6 one is judged as IPv4.
 */
export function whyNotReachable(address: string, policy: Pick<EgressPolicy, 'allowedSubnets'>) {
  if (!ipaddr.isValid(address)) return 'not an address'
  const ip = ipaddr.process(address)
  if (policy.allowedSubnets.some((subnet) => isInside(ip, ipaddr.parseCIDR(subnet)))) return undefined
  const range = ip.range()
  if (range !== 'unicast') return range
  if (ip.toString() === CLOUD_HOST) return 'the host agent of a cloud'
  return ip.kind() === 'ipv6' && !isInside(ip, GLOBAL_UNICAST) ? 'not global unicast' : undefined
}

function isInside(ip: ReturnType<typeof ipaddr.process>, subnet: ReturnType<typeof ipaddr.parseCIDR>) {
  return ip.kind() === subnet[0].kind() && ip.match(subnet)
}
