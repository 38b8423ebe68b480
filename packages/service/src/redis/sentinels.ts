import { isDeepStrictEqual } from 'node:util'
import { withDeadline } from '@titan/queue-core/async'
import { textOf } from '@titan/queue-core/text-of'
import { createClient, ErrorReply } from 'redis'
import type { Log } from '../log.ts'
import { addressText } from '../server-url.ts'
import { endWhenClosed } from './duplicates.ts'
import type { Address, RedisPlace } from './place.ts'
import type { SentinelReport } from './redis.ts'

/** Pause between two questions to a Sentinel, in milliseconds. */
const ASK_EVERY_MS = 1_000
/** How long an answer may take, in milliseconds. */
const ANSWER_TIMEOUT_MS = 1_000
/** Questions in a row without a connection, after which another one is made. */
const MAX_MISSES = 3

/** What a Sentinel says of the master. */
export interface Answer {
  readonly address: Address
  /** Grows with each failover. 0 where the Sentinel does not tell. */
  readonly epoch: number
}

/**
 * Chooses among answers of Sentinels: the one of the latest failover, because an isolated Sentinel still names the
 * former master. An earlier failover than that of `current` counts only after Sentinels were set up anew: when more than
 * half of all say so, and none confirms `current`.
 */
export function chooseMaster(
  answers: readonly Answer[],
  current: Answer | undefined,
  sentinels: number,
): Answer | undefined {
  const epoch = Math.max(...answers.map((answer) => answer.epoch))
  const latest = answers.filter((answer) => answer.epoch === epoch)
  const isNamed = (other: Answer | undefined): boolean =>
    latest.some(({ address }) => isDeepStrictEqual(address, other?.address))
  if (current !== undefined && epoch < current.epoch && (latest.length * 2 <= sentinels || isNamed(current)))
    return current
  const votes = (answer: Answer): number =>
    latest.filter(({ address }) => isDeepStrictEqual(address, answer.address)).length
  const most = Math.max(...latest.map(votes))
  const winners = latest.filter((answer) => votes(answer) === most)
  return winners.find(({ address }) => isDeepStrictEqual(address, current?.address)) ?? winners[0] ?? current
}

/** How to follow Sentinels. */
interface SentinelsOptions {
  readonly place: Extract<RedisPlace, { readonly kind: 'sentinel' }>
  readonly log: Log
  /** Is called with each master that they name, and again for as long as they do. */
  readonly onMaster: (address: Address) => void
  /** Is called with the reason while none of them has named one yet. */
  readonly onUnknown: (reason: Error) => void
}

/** The Sentinels of a master, each asked once a second. */
export class Sentinels {
  readonly #options: SentinelsOptions
  readonly #sentinels: readonly Sentinel[]
  #current: Answer | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: SentinelsOptions) {
    this.#options = options
    this.#sentinels = options.place.hosts.map((host) => new Sentinel(host, options, () => this.#decide()))
  }

  start(): void {
    for (const sentinel of this.#sentinels) sentinel.start()
    this.#timer = setInterval(() => {
      for (const sentinel of this.#sentinels) sentinel.ask()
      this.#decide()
    }, ASK_EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    for (const sentinel of this.#sentinels) sentinel.stop()
  }

  reports(): SentinelReport[] {
    return this.#sentinels.map(({ name, facts, problem }) => ({ name, facts, problem }))
  }

  #decide(): void {
    const answers = this.#sentinels.flatMap(({ answer }) => answer ?? [])
    this.#current = chooseMaster(answers, this.#current, this.#sentinels.length)
    if (this.#current !== undefined) return this.#options.onMaster(this.#current.address)
    const reasons = this.#sentinels.flatMap(({ name, problem }) =>
      problem === undefined ? [] : [`${name} ${textOf(problem)}`],
    )
    if (reasons.length === this.#sentinels.length)
      this.#options.onUnknown(new Error(`no Sentinel names the master: ${reasons.join('; ')}`))
  }
}

/** One Sentinel and the last that it said. */
class Sentinel {
  readonly name: string
  answer: Answer | undefined
  facts: SentinelReport['facts'] = {}
  /** Why there is no answer. */
  problem: unknown
  readonly #address: Address
  readonly #options: SentinelsOptions
  readonly #onAnswer: () => void
  /** Replaced for each connection: its own reconnecting has no pause where a server closes what it has accepted. */
  #client: SentinelClient | undefined
  #misses = 0
  #isLost = false

  constructor(address: Address, options: SentinelsOptions, onAnswer: () => void) {
    this.name = addressText(address.host, address.port)
    this.#address = address
    this.#options = options
    this.#onAnswer = onAnswer
  }

  start(): void {
    const client = createSentinelClient(this.#address, this.#options.place)
    this.#client = client
    this.#misses = 0
    client.on('error', (error: unknown) => this.#leave(client, error))
    client.on('ready', () => client === this.#client && this.ask())
    endWhenClosed(client)
    client.connect().catch(() => undefined)
  }

  stop(): void {
    const client = this.#client
    this.#client = undefined
    client?.destroy()
  }

  ask(): void {
    const client = this.#client
    if (client === undefined) return this.start()
    const late = new Error('does not respond')
    if (!client.isReady) {
      this.#misses += 1
      if (this.#misses >= MAX_MISSES) this.#leave(client, late)
      return
    }
    this.#misses = 0
    withDeadline(this.#read(client), ANSWER_TIMEOUT_MS, () => late).then(
      (answer) => client === this.#client && this.#accept(answer),
      (error: unknown) => {
        if (error === late) this.#leave(client, late)
        else if (client === this.#client) this.#fail(error)
      },
    )
  }

  async #read(client: SentinelClient): Promise<Answer> {
    const { masterName } = this.#options.place
    const send = <Reply>(...args: string[]): Promise<Reply> =>
      client.sendCommand<Reply>(['SENTINEL', ...args, masterName])
    const [address, fields] = await Promise.all([
      send<[string, string] | null>('GET-MASTER-ADDR-BY-NAME').catch(explain),
      // A user may be allowed the address alone.
      send<string[]>('MASTER').catch((): string[] => []),
    ])
    if (address === null) throw new Error(`knows no master of the name ${JSON.stringify(masterName)}`)
    const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : []))
    this.facts = Object.fromEntries(pairs) as SentinelReport['facts']
    const epoch = Number(this.facts['config-epoch'])
    return { address: { host: address[0], port: Number(address[1]) }, epoch: epoch > 0 ? epoch : 0 }
  }

  #accept(answer: Answer): void {
    this.answer = answer
    this.problem = undefined
    if (this.#isLost)
      this.#options.log.info('sentinel.reconnected', 'Sentinel usable again', { address: this.name })
    this.#isLost = false
    this.#onAnswer()
  }

  #fail(error: unknown): void {
    this.answer = undefined
    this.problem = error
    if (!this.#isLost)
      this.#options.log.warn('sentinel.disconnected', 'Sentinel unusable, retrying', {
        address: this.name,
        error,
      })
    this.#isLost = true
    this.#onAnswer()
  }

  /** Gives a connection up. The next question makes another one. */
  #leave(client: SentinelClient, reason: unknown): void {
    if (client !== this.#client) return
    this.stop()
    this.#fail(reason)
  }
}

type SentinelClient = ReturnType<typeof createSentinelClient>

function createSentinelClient(address: Address, { isTls, sentinelLogin }: SentinelsOptions['place']) {
  const socket = { ...address, connectTimeout: ANSWER_TIMEOUT_MS, reconnectStrategy: false } as const
  return createClient({
    RESP: 2,
    ...sentinelLogin,
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: isTls ? { ...socket, tls: true } : socket,
  })
}

function explain(error: unknown): never {
  if (error instanceof ErrorReply && /^ERR unknown command/i.test(error.message))
    throw new Error('is not a Sentinel, but a server: its URL is redis://', { cause: error })
  throw error
}
