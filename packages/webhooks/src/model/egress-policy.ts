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

/**
 * Checks a URL and returns it in its normal form. A host name is judged when a connection is made, because it may resolve
 * to another address by then; an address is judged here too, in any notation.
 *
 * @throws {WebhooksError} `INVALID_ENDPOINT`
 */
export function checkUrl(text: string, policy: EgressPolicy): string {
  const parsed = URL.parse(text)
  // Normalising makes some URLs longer.
  const url = parsed === null || parsed.href.length > MAX_URL_LENGTH ? null : parsed
  const why =
    url === null
      ? `url must be an absolute URL of at most ${MAX_URL_LENGTH} characters`
      : (whyNotAllowed(url, policy) ?? whyNotPublic(url, policy))
  if (url === null || why !== undefined)
    throw new WebhooksError('INVALID_ENDPOINT', why ?? '', { field: 'url' })
  url.hash = ''
  return url.href
}

function whyNotAllowed(
  { protocol, username, password, port }: URL,
  { allowHttp, allowedPorts }: EgressPolicy,
): string | undefined {
  if (protocol !== 'https:' && !(protocol === 'http:' && allowHttp)) return 'url must start with https://'
  if (username !== '' || password !== '') return 'url must not hold a user name or password'
  const number = port === '' ? DEFAULT_PORTS.get(protocol) : Number(port)
  return number !== undefined && allowedPorts.includes(number)
    ? undefined
    : `url must use port ${allowedPorts.join(' or ')}`
}

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
])

function whyNotPublic({ hostname }: URL, policy: EgressPolicy): string | undefined {
  const address = addressIn(hostname)
  const reason = address === undefined ? undefined : whyNotReachable(address, policy)
  return reason === undefined ? undefined : `url must lead to a public address, this one is ${reason}`
}

/** Returns the address that a URL names instead of a host; decimal, octal and hexadecimal ones are normalised already. */
function addressIn(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return ipaddr.isValid(bare) ? bare : undefined
}

/** IANA allocates global addresses from here only. Others may be translated or routed to anywhere. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3')

/** Public addresses that lead to the host of a machine inside a cloud: Azure's agent. */
const CLOUD_HOSTS: ReadonlySet<string> = new Set(['168.63.129.16'])

/**
 * Returns why an address must not be connected to; undefined when it may be. Only global unicast passes; an IPv4 address
 * inside an IPv6 one is judged as IPv4.
 */
export function whyNotReachable(
  address: string,
  policy: Pick<EgressPolicy, 'allowedSubnets'>,
): string | undefined {
  if (!ipaddr.isValid(address)) return 'not an address'
  const ip = ipaddr.process(address)
  if (policy.allowedSubnets.some((subnet) => isInside(ip, ipaddr.parseCIDR(subnet)))) return undefined
  const range = ip.range()
  if (range !== 'unicast') return range
  if (CLOUD_HOSTS.has(ip.toString())) return 'the host agent of a cloud'
  if (ip.kind() === 'ipv6' && !isInside(ip, GLOBAL_UNICAST)) return 'not global unicast'
  return undefined
}

type Address = ReturnType<typeof ipaddr.process>

function isInside(ip: Address, subnet: ReturnType<typeof ipaddr.parseCIDR>): boolean {
  return ip.kind() === subnet[0].kind() && ip.match(subnet)
}

/** Returns whether a text is a subnet in CIDR notation. */
export function isSubnet(text: string): boolean {
  return ipaddr.isValidCIDR(text)
}
