import { withDeadline } from '../async/deadline.ts'
import { movedTo } from './replies.ts'
import type { RedisClusterClient, RedisNodeClient } from './connection.ts'

/** Where to connect: with the options of `template`, at `address` if given. */
export interface Place {
  readonly template: RedisNodeClient
  readonly address: { readonly host: string; readonly port: number } | undefined
}

/** Finds the node that serves a key. */
export interface Locator {
  locate(): Promise<Place>
  /** Takes note of an error reply that names the node to go to, or says that this one is no longer the master. */
  moved(error: unknown): void
  /** Looks for a better place, because the last one could not be connected to. */
  failed(): Promise<void>
}

/** How long a node may take to say who serves a key, in milliseconds. */
const ASK_WITHIN_MS = 2_000

/**
 * Finds the master of the key's slot. The caller's client learns of a failover only after 5 s and only by its own
 * commands, so we listen to MOVED ourselves, and ask the other masters when ours is gone.
 */
export function createLocator(cluster: RedisClusterClient, key: string): Locator {
  /** `<host>:<port>` as the cluster names it; undefined: as the caller's client thinks. */
  let hint: string | undefined
  let last: string | undefined

  const readyNodes = (): { readonly name: string; readonly client: RedisNodeClient }[] =>
    [...cluster.nodeByAddress].flatMap(([name, { client }]) =>
      client?.isReady === true ? [{ name, client }] : [],
    )

  /** Behind port forwarding, Docker or NAT the announced address leads nowhere. */
  function mapped(address: string): Place['address'] {
    // oxlint-disable-next-line no-underscore-dangle -- node-redis shows it nowhere else
    const map = cluster._options?.nodeAddressMap
    return typeof map === 'function' ? map(address) : map?.[address]
  }

  async function locate(): Promise<Place> {
    if (hint === undefined) {
      const template = await cluster.getNodeClientForKey(key)
      last = [...cluster.nodeByAddress].find(([, { client }]) => client === template)?.[0]
      return { template, address: undefined }
    }
    last = hint
    const known = cluster.nodeByAddress.get(hint)?.client
    if (known !== undefined) return { template: known, address: undefined }
    const template = readyNodes()[0]?.client ?? (await cluster.getNodeClientForKey(key))
    return { template, address: mapped(hint) ?? parseAddress(hint) }
  }

  /** The name of the node that serves the key, as this node sees it. */
  async function ask({
    name,
    client,
  }: {
    name: string
    client: RedisNodeClient
  }): Promise<string | undefined> {
    const reply = client.sendCommand(['EXISTS', key]).then(() => name, movedTo)
    return withDeadline(reply, ASK_WITHIN_MS, () => new Error('late')).catch(() => undefined)
  }

  async function failed(): Promise<void> {
    const wrong = last
    hint = undefined
    const named = await Promise.all(readyNodes().map(ask))
    hint = named.find((name) => name !== undefined && name !== wrong)
  }

  return {
    locate,
    moved(error) {
      hint = movedTo(error)
    },
    failed,
  }
}

function parseAddress(name: string): Place['address'] {
  const colon = name.lastIndexOf(':')
  return { host: name.slice(0, colon), port: Number(name.slice(colon + 1)) }
}
