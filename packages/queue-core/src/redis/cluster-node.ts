import { withDeadline } from '../async/deadline.ts'
import { movedTo } from './replies.ts'
import type { RedisClient, RedisClusterClient, RedisNodeClient } from './connection.ts'

/** Where to connect: with the options of `template`, at `address` if given. */
export interface Place {
  readonly template: RedisNodeClient
  readonly address: { readonly host: string; readonly port: number } | undefined
}

/** How long a node may take to say who serves a key, in milliseconds. */
const ASK_WITHIN_MS = 2_000

export function isCluster(client: RedisClient): client is RedisClusterClient {
  return 'getNodeClientForKey' in client
}

/**
 * Finds the node that serves a key, on a cluster the master of its slot. The caller's client learns of a failover only
 * after 5 s and only by its own commands, so we listen to MOVED ourselves, and ask the other masters when ours is gone.
 */
export class Locator {
  readonly #client: RedisClient
  readonly #key: string
  /** `<host>:<port>` as the cluster names it; undefined: as the caller's client thinks. */
  #hint: string | undefined
  #last: string | undefined

  constructor(client: RedisClient, key: string) {
    this.#client = client
    this.#key = key
  }

  async locate(): Promise<Place> {
    const [client, hint] = [this.#client, this.#hint]
    if (!isCluster(client)) return { template: client, address: undefined }
    if (hint === undefined) {
      const template = await client.getNodeClientForKey(this.#key)
      this.#last = [...client.nodeByAddress].find(([, node]) => node.client === template)?.[0]
      return { template, address: undefined }
    }
    this.#last = hint
    const known = client.nodeByAddress.get(hint)?.client
    if (known !== undefined) return { template: known, address: undefined }
    const template = readyNodes(client)[0]?.client ?? (await client.getNodeClientForKey(this.#key))
    return { template, address: addressOf(client, hint) }
  }

  /** Takes note of an error reply that names the node to go to, or says that this one is no longer the master. */
  moved(error: unknown): void {
    this.#hint = movedTo(error)
  }

  /** Looks for a better place, because the last one could not be connected to. */
  async failed(): Promise<void> {
    if (!isCluster(this.#client)) return
    const wrong = this.#last
    this.#hint = undefined
    // Each node names the one that serves the key, as it sees it.
    const asked = readyNodes(this.#client).map(({ name, client }) => {
      const reply = client.sendCommand(['EXISTS', this.#key]).then(() => name, movedTo)
      return withDeadline(reply, ASK_WITHIN_MS, () => new Error('late')).catch(() => undefined)
    })
    this.#hint = (await Promise.all(asked)).find((name) => name !== undefined && name !== wrong)
  }
}

function readyNodes(cluster: RedisClusterClient) {
  return [...cluster.nodeByAddress].flatMap(([name, { client }]) =>
    client?.isReady === true ? [{ name, client }] : [],
  )
}

/** Behind port forwarding, Docker or NAT the announced address leads nowhere. */
function addressOf(cluster: RedisClusterClient, name: string): Place['address'] {
  // oxlint-disable-next-line no-underscore-dangle -- node-redis shows it nowhere else
  const map = cluster._options?.nodeAddressMap
  const mapped = typeof map === 'function' ? map(name) : map?.[name]
  const colon = name.lastIndexOf(':')
  return mapped ?? { host: name.slice(0, colon), port: Number(name.slice(colon + 1)) }
}
