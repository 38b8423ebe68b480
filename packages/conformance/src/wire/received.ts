/** A request as it arrived at the proxy, whole. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Headers that differ between repeats and say nothing. */
const IGNORED_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'host',
  'traceparent',
  'tracestate',
])

/** Whether the request changes something at the gateway. */
export function isWrite({ method }: ReceivedRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

/** Whether a text occurs anywhere in the request. */
export function holds(request: ReceivedRequest, text: string): boolean {
  return [...partsOf(request).values()].some((part) => part.includes(text))
}

/** The method and path, without the query. */
export function targetOf({ method, path }: ReceivedRequest): string {
  return `${method} ${path.split('?')[0]}`
}

/** The parts of a request in which a key may be: the address, each header, the body. */
export function partsOf({ path, headers, body }: ReceivedRequest): ReadonlyMap<string, string> {
  const parts = new Map([
    ['the address', decode(path)],
    ['the body', body.toString('utf8')],
  ])
  for (const [name, value] of Object.entries(headers))
    if (!IGNORED_HEADERS.has(name)) parts.set(`the header ${name}`, value)
  return parts
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** The request that moves money among those of one call: the last that names the key, else the last that writes. */
export function mainRequest(
  requests: readonly ReceivedRequest[],
  gatewayKey: string,
): ReceivedRequest | undefined {
  const writes = requests.filter(isWrite)
  return writes.findLast((request) => holds(request, gatewayKey)) ?? writes.at(-1)
}

/**
 * Finds where the key is: the parts that change with it and with nothing else. So a gateway may name its header as it
 * likes, and an adapter may send a digest of the key.
 */
export function keyPlaces(
  first: ReceivedRequest,
  repeat: ReceivedRequest,
  otherKey: ReceivedRequest,
): readonly string[] {
  const [again, other] = [partsOf(repeat), partsOf(otherKey)]
  return [...partsOf(first)].flatMap(([name, value]) =>
    again.get(name) === value && other.get(name) !== value ? [name] : [],
  )
}

/** Names the parts in which two requests differ. */
export function differences(one: ReceivedRequest, other: ReceivedRequest): readonly string[] {
  const [parts, others] = [partsOf(one), partsOf(other)]
  const names = new Set([...parts.keys(), ...others.keys()])
  return [...names].filter((name) => parts.get(name) !== others.get(name))
}
