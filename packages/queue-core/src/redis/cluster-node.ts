import { withDeadline } from '../async/deadline.ts'
import type { ClientAdapter, NodeAdapter, NodeAddress } from './clients/adapter.ts'
import { movedTo, readOnlyError } from './replies.ts'

/** Where to connect: with the options of `node`, at `address` if given. */
export interface Place {
  readonly node: NodeAdapter
  readonly address: NodeAddress | undefined
}

/** How long a node may take to say who serves a key, in milliseconds. */
const ASK_WITHIN_MS = 2_000

/**
 * Finds the node that serves a key, on a cluster the master of its slot. The caller's client learns of a failover only
 * after 5 s and only by its own commands, so we listen to MOVED ourselves, and ask the other masters when ours is gone.
 */
export class Locator {
  readonly #client: ClientAdapter
  readonly #key: string
  /** `<host>:<port>` as the cluster names it; undefined: as the caller's client thinks. */
  #hint: string | undefined
  #last: string | undefined
  #asking: Promise<boolean> | undefined

  constructor(client: ClientAdapter, key: string) {
    this.#client = client
    this.#key = key
  }

  /** Whether other masters could be asked. */
  get isOnCluster(): boolean {
    return this.#client.nodes().length > 0
  }

  async locate(): Promise<Place> {
    const [client, hint] = [this.#client, this.#hint]
    const address = hint === undefined ? undefined : client.addressOf(hint)
    if (hint === undefined || address === undefined) {
      const node = await client.nodeOf(this.#key)
      this.#last = node.name
      return { node, address: undefined }
    }
    this.#last = hint
    const nodes = client.nodes()
    const known = nodes.find(({ name }) => name === hint)
    if (known !== undefined) return { node: known, address: undefined }
    return { node: nodes[0] ?? (await client.nodeOf(this.#key)), address }
  }

  /** Takes note of an error reply that names the node to go to, or says that this one is no longer the master. */
  moved(error: unknown): void {
    this.#hint = movedTo(error)
    if (this.#hint === undefined) this.#client.doubt?.(readOnlyError())
  }

  /** Calls a listener each time that Sentinels name another master. Returns what ends that. */
  onMoved(listener: () => void): () => void {
    return this.#client.onMoved?.(listener) ?? (() => undefined)
  }

  /**
   * Looks for a better place, because the last one could not be connected to, or says nothing. Returns whether there is
   * one that a node of the cluster names; Sentinels tell their client.
   */
  // oxlint-disable-next-line typescript/promise-function-async -- calls side by side share one look
  failed(): Promise<boolean> {
    this.#client.doubt?.(readOnlyError())
    this.#hint = undefined
    this.#asking ??= findOther(this.#client, this.#key, this.#last)
      .then(
        (name) => (this.#hint = name) !== undefined,
        () => false,
      )
      .finally(() => (this.#asking = undefined))
    return this.#asking
  }
}

/**
 * Asks the masters of a cluster who serves a key, and lets the client learn from one that names another node than
 * `wrong`, by default the one that the client has. Returns that node's name.
 */
async function findOther(client: ClientAdapter, key: string, wrong?: string): Promise<string | undefined> {
  const nodes = client.nodes()
  if (nodes.length === 0) return undefined
  const known = wrong ?? (await client.nodeOf(key)).name
  const asked = nodes.map(async (node) => {
    // Each node names the one that serves the key, as it sees it.
    const reply = node.send(['EXISTS', key]).then(() => node.name, movedTo)
    const name = await withDeadline(reply, ASK_WITHIN_MS, () => new Error('late'))
    if (name === undefined || name === known) throw new Error('nothing new')
    return { name, node }
  })
  const found = await Promise.any(asked).catch(() => undefined)
  if (found !== undefined) client.learnFrom?.(found.node)
  return found?.name
}
