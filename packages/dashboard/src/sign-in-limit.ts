import { TokenBucket } from 'limiter'
import { LRUCache } from 'lru-cache'

/** Failed sign-ins of a network per minute. */
const OF_NETWORK = 10
/** Sign-ins of a network per minute, successful or not: each successful one stores a row. */
const ANY_OF_NETWORK = 60
/** Failed sign-ins of all networks per minute. */
const OF_ALL = 100
/** Networks that are remembered. The least recent one is forgotten first. */
const MAX_NETWORKS = 10_000

/**
 * Limits sign-ins in the memory of this process: failed ones of each network and of all networks, and all of each
 * network. An attempt is taken before its secret is checked, so parallel attempts cannot exceed the limit.
 */
export class SignInLimit {
  readonly #all = createBucket(OF_ALL)
  readonly #networks = new LRUCache<string, Buckets>({ max: MAX_NETWORKS })

  /** Takes one attempt; returns undefined when it is allowed, otherwise the seconds to wait. */
  take(network: string): number | undefined {
    const { failed, any } = this.#bucketsOf(network)
    if (!any.tryRemoveTokens(1)) return waitOf(any)
    if (!failed.tryRemoveTokens(1)) return waitOf(failed)
    if (this.#all.tryRemoveTokens(1)) return undefined
    fill(failed)
    return waitOf(this.#all)
  }

  /** Returns an attempt that succeeded to the limits of failures. It still counts as a sign-in of its network. */
  refund(network: string): void {
    fill(this.#bucketsOf(network).failed)
    fill(this.#all)
  }

  #bucketsOf(network: string): Buckets {
    const known = this.#networks.get(network)
    if (known !== undefined) return known
    const buckets = { failed: createBucket(OF_NETWORK), any: createBucket(ANY_OF_NETWORK) }
    this.#networks.set(network, buckets)
    return buckets
  }
}

interface Buckets {
  readonly failed: TokenBucket
  readonly any: TokenBucket
}

function createBucket(perMinute: number): TokenBucket {
  const bucket = new TokenBucket({ bucketSize: perMinute, tokensPerInterval: perMinute, interval: 'minute' })
  bucket.content = perMinute
  return bucket
}

function fill(bucket: TokenBucket): void {
  bucket.content = Math.min(bucket.bucketSize, bucket.content + 1)
}

function waitOf(bucket: TokenBucket): number {
  return Math.max(1, Math.ceil(bucket.getWaitTime(1) / 1_000))
}
