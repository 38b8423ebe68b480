import { TokenBucket } from 'limiter'
import { LRUCache } from 'lru-cache'

/** Limits failed sign-ins, of each network and of all of them. */
export interface SignInLimit {
  /**
   * Takes one attempt.
   *
   * @returns undefined when it is allowed, otherwise the seconds to wait
   */
  take(network: string): number | undefined
  /** Returns an attempt that succeeded: only failures count. */
  giveBack(network: string): void
}

/** Failed sign-ins that a network has in a minute. */
const OF_NETWORK = 10
/** Failed sign-ins of all networks in a minute. */
const OF_ALL = 100
/** Networks that are remembered. The least recent one is forgotten first. */
const MAX_NETWORKS = 10_000

/**
 * Creates the limit, in the memory of this process. An attempt is taken before its secret is checked, so parallel attempts
 * cannot exceed the limit.
 */
export function createSignInLimit(): SignInLimit {
  const all = createBucket(OF_ALL)
  const networks = new LRUCache<string, TokenBucket>({ max: MAX_NETWORKS })

  function bucketOf(network: string): TokenBucket {
    const known = networks.get(network)
    if (known !== undefined) return known
    const bucket = createBucket(OF_NETWORK)
    networks.set(network, bucket)
    return bucket
  }

  return {
    take(network) {
      const own = bucketOf(network)
      if (!own.tryRemoveTokens(1)) return waitOf(own)
      if (all.tryRemoveTokens(1)) return undefined
      fill(own)
      return waitOf(all)
    },
    giveBack(network) {
      fill(bucketOf(network))
      fill(all)
    },
  }
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
