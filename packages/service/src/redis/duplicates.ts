import type { RedisClientType } from 'redis'
import { addressText } from '../server-url.ts'

/**
 * The duplicates of clients, with which the queue makes its connections: a server that is frozen or no longer the master
 * would hold them until their own time limits.
 */
export class Duplicates {
  readonly #open = new Map<RedisClientType, string>()

  /** Tracks the duplicates that are made of a client from now on. */
  track(client: RedisClientType): void {
    const duplicate = client.duplicate.bind(client)
    const tracked = (overrides?: object): RedisClientType => {
      const made = duplicate(overrides) as RedisClientType
      const { host = '', port = 0 } = (made.options.socket ?? {}) as { host?: string; port?: number }
      this.#open.set(made, addressText(host, port))
      const forget = (): void => void this.#open.delete(made)
      return made.on('end', forget).on('error', forget)
    }
    client.duplicate = tracked as typeof client.duplicate
  }

  /** Ends those that lead to a server other than these, `host:port`. */
  keep(addresses: readonly string[]): void {
    for (const [made, address] of this.#open) {
      if (addresses.includes(address)) continue
      made.destroy()
      made.emit('error', new Error(`the connection to ${address} was given up`))
    }
  }
}

/** Ends a connection that is still being made when its client is closed, which node-redis leaves open. */
export function endWhenClosed(client: {
  readonly isOpen: boolean
  on(event: 'connect', listener: () => void): unknown
  destroy(): void
}): void {
  client.on('connect', () => {
    if (!client.isOpen) client.destroy()
  })
}
