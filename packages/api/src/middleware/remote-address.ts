import { isIP } from 'node:net'
import type { Log } from '@titan/service'
import type { Context } from 'hono'
import type { AppEnv } from '../http/env.ts'

/** How many proxies are trusted, and where an entry that cannot be read is logged. */
export interface ProxyOptions {
  /** Proxies in front that write X-Forwarded-For. @default 0 */
  readonly trustedProxies?: number | undefined
  /** @default nothing is logged */
  readonly log?: Pick<Log, 'warn'> | undefined
}

/** The logs that have a line about an entry that cannot be read: one is enough, since all requests have such an entry. */
const warned = new WeakSet<object>()

/**
 * The network that a request comes from: an IPv4 address, or the /64 of an IPv6 one, which one customer has to himself.
 * `X-Forwarded-For` counts only for as many proxies as are known to stand in front, from the right: what is further left
 * was written by the caller.
 */
export function remoteNetwork(context: Context<AppEnv>, { trustedProxies = 0, log }: ProxyOptions): string {
  const peer = context.env?.incoming?.socket.remoteAddress ?? ''
  if (trustedProxies === 0) return networkOf(peer)
  const entry = (context.req.header('x-forwarded-for') ?? '').split(',').at(-trustedProxies)?.trim() ?? ''
  const address = addressIn(entry)
  if (address !== undefined) return networkOf(address)
  if (entry !== '' && log !== undefined) warnOnce(log, entry)
  return networkOf(peer)
}

function warnOnce(log: Pick<Log, 'warn'>, entry: string): void {
  if (warned.has(log)) return
  warned.add(log)
  log.warn('forwarded_for.ignored', 'X-Forwarded-For unreadable, proxy address used', { reason: entry })
}

/** An entry as proxies write it: quoted or not, an IPv6 address in brackets or not, with a port or without. */
const ENTRY = /^"?(?:\[([\da-f:.%\w]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+)(?::\d+)?|([\da-f:.%\w]+))"?$/i

function addressIn(entry: string): string | undefined {
  const [, bracketed, dotted, bare] = ENTRY.exec(entry) ?? []
  const address = bracketed ?? dotted ?? bare ?? ''
  return isIP(address) === 0 ? undefined : address
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (isIP(address) !== 6) return address
  // The canonical form; a zone has no place in it.
  const host = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}
