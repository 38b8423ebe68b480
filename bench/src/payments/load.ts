import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import type { Result } from 'autocannon'

const AUTOCANNON = createRequire(import.meta.url).resolve('autocannon')
const BODY = '{"amount":500,"idempotency_key":"[<id>]"}'

/** What to send. */
export interface Load {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly requests: number
  readonly inFlight: number
  /** Requests a second; as many as are answered if absent. */
  readonly rate?: number
}

/** Sends requests from a process of its own; answers how many were answered a second. @throws unless all succeed */
export async function send({ url, method, requests, inFlight, rate }: Load): Promise<number> {
  const args = [
    '--json',
    '-c',
    String(inFlight),
    '-a',
    String(requests),
    '-L',
    '50',
    '-t',
    '60',
    '-m',
    method,
  ]
  if (method === 'POST') args.push('-H', 'content-type=application/json', '-b', BODY, '-I')
  if (rate !== undefined) args.push('-R', String(rate))
  const { stdout } = await promisify(execFile)(process.execPath, [AUTOCANNON, ...args, url])
  const result = JSON.parse(stdout) as Result
  if (result['2xx'] !== requests || result.errors > 0)
    throw new Error(
      `${method} ${url}: ${result['2xx']} of ${requests} succeeded, ${result.non2xx} were refused, ${result.errors} failed, ${result.timeouts} of them by time`,
    )
  return requests / ((Number(new Date(result.finish)) - Number(new Date(result.start))) / 1_000)
}
