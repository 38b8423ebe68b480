import { TokenBucket } from 'limiter'
import { LRUCache } from 'lru-cache'
import { Problem } from '../problem.ts'

const WINDOW_S = 60
/** Callers that are remembered; the one that was quiet for longest is forgotten first, and starts again. */
const MAX_CALLERS = 20_000

/** Limits how often each caller may ask. */
export type RateLimiter = ReturnType<typeof createRateLimiter>

/**
 * Creates a bucket for each caller: `perMinute` requests at once at most, and as many a minute. Kept in this process: with several
 * of them each grants the limit. The headers are those of draft-ietf-httpapi-ratelimit-headers-10, under the name of
 * the policy.
 */
export function createRateLimiter(perMinute: number, name = 'default') {
  const buckets = new LRUCache<string, TokenBucket>({ max: MAX_CALLERS })
  const policy = `"${name}";q=${perMinute};w=${WINDOW_S}`

  function bucketOf(caller: string): TokenBucket {
    const known = buckets.get(caller)
    if (known !== undefined) return known
    const bucket = new TokenBucket({
      bucketSize: perMinute,
      tokensPerInterval: perMinute,
      interval: 'minute',
    })
    bucket.content = perMinute
    buckets.set(caller, bucket)
    return bucket
  }

  return {
    /** Counts requests. Returns headers with what is left. @throws Problem `too-many-requests`, with the same and Retry-After */
    spend(caller: string, requests = 1): Readonly<Record<string, string>> {
      if (requests > perMinute) throw tooManyForOne(perMinute)
      const bucket = bucketOf(caller)
      const isGranted = bucket.tryRemoveTokens(requests)
      const fullInS = Math.ceil(((perMinute - bucket.content) / perMinute) * WINDOW_S)
      const headers = {
        'ratelimit-policy': policy,
        ratelimit: `"${name}";r=${Math.floor(bucket.content)};t=${fullInS}`,
      }
      if (isGranted) return headers
      const retryAfterS = Math.max(1, Math.ceil(bucket.getWaitTime(requests) / 1_000))
      throw new Problem('too-many-requests', { headers: { ...headers, 'retry-after': String(retryAfterS) } })
    },
  }
}

/** Waiting would not help: no such refusal may say when to come back. */
function tooManyForOne(perMinute: number): Problem {
  const detail = `has more lines than the rate limit grants in a minute: ${perMinute}`
  return new Problem('validation-failed', { errors: [{ pointer: '/payments', detail }] })
}
