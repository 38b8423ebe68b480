import { TokenBucket } from 'limiter'
import { LRUCache } from 'lru-cache'

/** Limits sign-ins: failed ones of each network and of all networks, and all of each network. */
export interface SignInLimit {
  /**
   * Takes one attempt.
   *
   * @returns undefined when it is allowed, otherwise the seconds to wait
   */
  take(network: string): number | undefined
  /** Returns an attempt that succeeded to the limits of failures. It still counts as a sign-in of its network. */
  refund(network: string): void
}

/** Failed sign-ins of a network per minute. */
const OF_NETWORK = 10
/** Sign-ins of a network per minute, successful or not: each successful one stores a row. */
const ANY_OF_NETWORK = 60
/** Failed sign-ins of all networks per minute. */
const OF_ALL = 100
/** Networks that are remembered. The least recent one is forgotten first. */
const MAX_NETWORKS = 10_000

/**
 * Creates the limit, in the memory of this process. An attempt is taken before its secret is checked, so parallel attempts
 * cannot exceed the limit.
 */
export function createSignInLimit(): SignInLimit {
  const all = createBucket(OF_ALL)
  const networks = new LRUCache<string, Buckets>({ max: MAX_NETWORKS })

  function bucketsOf(network: string): Buckets {
    const known = networks.get(network)
    if (known !== undefined) return known
    const buckets = { failed: createBucket(OF_NETWORK), any: createBucket(ANY_OF_NETWORK) }
    networks.set(network, buckets)
    return buckets
  }

  return {
    take(network) {
      const { failed, any } = bucketsOf(network)
      if (!any.tryRemoveTokens(1)) return waitOf(any)
      if (!failed.tryRemoveTokens(1)) return waitOf(failed)
      if (all.tryRemoveTokens(1)) return undefined
      fill(failed)
      return waitOf(all)
    },
    refund(network) {
      fill(bucketsOf(network).failed)
      fill(all)
    },
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
