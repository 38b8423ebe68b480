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
  readonly #networks = new LRUCache<string, ReturnType<typeof createBuckets>>({
    max: MAX_NETWORKS,
    memoMethod: createBuckets,
  })

  /** Takes one attempt; returns undefined when it is allowed, otherwise the seconds to wait. */
  take(network: string): number | undefined {
    const { failed, any } = this.#networks.memo(network)
    if (!any.tryRemoveTokens(1)) return waitOf(any)
    if (!failed.tryRemoveTokens(1)) return waitOf(failed)
    if (this.#all.tryRemoveTokens(1)) return undefined
    fill(failed)
    return waitOf(this.#all)
  }

  /** Returns an attempt that succeeded to the limits of failures. It still counts as a sign-in of its network. */
  refund(network: string): void {
    fill(this.#networks.memo(network).failed)
    fill(this.#all)
  }
}

function createBuckets() {
  return { failed: createBucket(OF_NETWORK), any: createBucket(ANY_OF_NETWORK) }
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

/** Refused sign-ins since the last report; `network` is that of the latest. */
export interface RefusedReport {
  readonly count: number
  readonly network: string
}

/** Time between two reports, in milliseconds. */
const WINDOW_MS = 60_000

/**
 * Sums refused sign-ins, so that an attacker does not decide the length of the log and the audit record. Reports the first
 * refusal at once, and those that follow together every minute.
 */
export class RefusedSignIns {
  readonly #report: (refused: RefusedReport) => Promise<void>
  #count = 0
  #network = ''
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  /** @param report must not fail */
  constructor(report: (refused: RefusedReport) => Promise<void>) {
    this.#report = report
  }

  /** Counts one; `network` is where it came from. */
  count(network: string): void {
    this.#count += 1
    this.#network = network
    if (this.#timer === undefined) this.#flush()
  }

  /** Reports what was counted and stops. Idempotent. */
  async stop(): Promise<void> {
    this.#flush()
    clearTimeout(this.#timer)
    await this.#writing
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#count === 0) return
    const refused = { count: this.#count, network: this.#network }
    this.#count = 0
    this.#timer = setTimeout(() => this.#flush(), WINDOW_MS).unref()
    this.#writing = this.#writing.then(() => this.#report(refused))
  }
}
