import { setTimeout as pause } from 'node:timers/promises'
import { named, text, wholeNumber } from './setting-kinds.ts'
import type { SettingsOf } from './settings.ts'

/** Where a program serves health checks and metrics. */
export const healthSettings = {
  healthPort: wholeNumber(named('HEALTH_PORT', 'Port of /healthz, /readyz and /metrics. 0 turns them off.'), {
    fallback: 0,
    min: 0,
    max: 65_535,
  }),
  healthHost: text(
    named('HEALTH_HOST', 'Bind address of the health port. Unauthenticated: keep it private.'),
    { fallback: '127.0.0.1', form: /^[\w.:-]{1,255}$/, rule: 'a host name or address' },
  ),
}

/** Port (0 is none) and bind address of health checks and metrics. */
export type HealthSettings = SettingsOf<typeof healthSettings>

/** How long a server may take to answer a probe, in milliseconds. */
const PROBE_TIMEOUT_MS = 2_000

/** Reports whether a server replies to a probe within two seconds, for readiness checks. Never rejects. */
export async function answersInTime(probe: () => Promise<unknown>): Promise<boolean> {
  const answered = new AbortController()
  const expiry = pause(PROBE_TIMEOUT_MS, false, { signal: answered.signal }).catch(() => false)
  const answer = probe().then(
    () => true,
    () => false,
  )
  const isAnswered = await Promise.race([answer, expiry])
  answered.abort()
  return isAnswered
}

/** A `Host` header as browsers write it: a name or an address, and a port. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i
const ADDRESS = /^127(?:\.\d{1,3}){3}$/

/** Returns the name in a `Host` header, in lower case and without port and final dot; undefined when it is malformed. */
export function hostNameOf(header: string): string | undefined {
  return HOST.exec(header)?.[1]?.toLowerCase().replace(/\.$/, '')
}

/**
 * Reports whether a host name, or an address to listen on, belongs to this machine alone. A page of another site can lead its
 * own name to a loopback address, but a browser still sends that name (DNS rebinding).
 */
export function isLoopback(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    name === '::1' ||
    ADDRESS.test(name)
  )
}
