import { isIP } from 'node:net'
import type { Context } from 'hono'
import type { AppEnv } from './middleware.ts'

/**
 * The network that a request comes from: an IPv4 address, or the /64 of an IPv6 one, which one customer has to himself.
 * `X-Forwarded-For` counts only for as many proxies as are known to stand in front, from the right: what is further left
 * was written by the caller.
 */
export function remoteNetwork(context: Context<AppEnv>, trustedProxies: number): string {
  const peer = context.env?.incoming?.socket.remoteAddress ?? ''
  if (trustedProxies === 0) return networkOf(peer)
  const forwarded = (context.req.header('x-forwarded-for') ?? '').split(',').map((part) => part.trim())
  const address = forwarded.at(-trustedProxies) ?? ''
  return networkOf(isIP(address) === 0 ? peer : address)
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
