import { openTcpProxy } from '@titan/testkit/vitest'

/** What becomes of one request: before the API gets it, or after it has responded. */
export interface Fault {
  readonly at: 'request' | 'response'
  readonly kind: FaultKind
}

/** Every kind of fault. */
export const FAULT_KINDS = [
  'reset',
  'close',
  'silence',
  'half',
  'half and reset',
  'half and silence',
  'slow',
  '200 page',
  '200 text',
  '200 broken',
  '202 empty',
  '502 page',
  '500',
  '503',
  '503 later',
  '429',
  '429 later',
  '409 in flight',
  '408',
] as const

/** A kind of fault. */
export type FaultKind = (typeof FAULT_KINDS)[number]

const PROBLEMS: Readonly<Record<string, readonly [status: number, code: string]>> = {
  '500': [500, 'internal-error'],
  '503': [503, 'unavailable'],
  '429': [429, 'too-many-requests'],
  '409': [409, 'request-in-flight'],
  '408': [408, 'request-timeout'],
}

/** The bytes of a response that is made up. */
function responseOf(kind: FaultKind): string {
  const [status = '', what] = kind.split(' ')
  if (what === 'page') return http(Number(status), 'text/html', '<html>Please sign in</html>')
  if (what === 'text') return http(200, 'text/plain', '{"payment_id":"pay_0","amount":1}')
  if (what === 'broken') return http(200, 'application/json', '{"payment_id":"pay_0","am')
  if (what === 'empty') return http(202, 'application/json', '')
  const [number = 0, code = ''] = PROBLEMS[status] ?? []
  const body = JSON.stringify({
    type: `/problems/${code}`,
    title: 'A fault',
    status: number,
    code,
    request_id: 'r',
  })
  return http(number, 'application/problem+json', body, what === 'later' ? '1' : undefined)
}

/** The bytes of a response. */
export function http(status: number, type: string, body: string, retryAfter?: string): string {
  const head = [
    `HTTP/1.1 ${status} Fault`,
    `content-type: ${type}`,
    `content-length: ${body.length}`,
    'connection: close',
  ]
  if (retryAfter !== undefined) head.push(`retry-after: ${retryAfter}`)
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/**
 * Opens a proxy before a server that does to each request what comes next in `script`, and nothing when it is used up. It
 * ends with the test.
 */
export async function openFaultProxy(url: string, script: Fault[]): Promise<string> {
  const proxy = await openTcpProxy(url, {
    inspect(ends) {
      let fault: Fault | undefined
      /** Ends what the fault is about. Returns whether the chunk passes. */
      function strike(kind: FaultKind, chunk: Buffer): boolean {
        if (kind === 'reset') ends.reset()
        else if (kind === 'close') ends.close()
        else if (kind === 'slow') void drip(chunk)
        else if (kind.startsWith('half')) {
          ends.respond(chunk.subarray(0, chunk.length - 30), kind !== 'half')
          if (kind === 'half and reset') ends.reset()
        } else if (kind !== 'silence') ends.respond(responseOf(kind))
        return false
      }
      async function drip(chunk: Buffer): Promise<void> {
        const size = Math.ceil(chunk.length / 5)
        for (let start = 0; start < chunk.length; start += size) {
          ends.respond(chunk.subarray(start, start + size), true)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
      return {
        request(chunk) {
          if (/^(GET|POST|PATCH|DELETE) /.test(chunk.toString('latin1'))) fault = script.shift()
          return fault?.at === 'request' ? strike(fault.kind, chunk) : true
        },
        response: (chunk) => (fault?.at === 'response' ? strike(fault.kind, chunk) : true),
      }
    },
  })
  return proxy.through(url)
}
