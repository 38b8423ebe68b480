import { isInstance } from '@titan/queue-core/text-of'
import { DisconnectsClientError } from 'redis'
import { unreachable } from '../connect.ts'
import type { Log } from '../log.ts'
import { Failure } from '../program.ts'
import { addressOf } from '../server-url.ts'

/** Says once that Redis is away and once that it is back, and remembers why. */
export class OutageLog {
  readonly #url: string
  readonly #log: Log
  #isLost = false
  #reason: unknown

  constructor(url: string, log: Log) {
    this.#url = url
    this.#log = log
  }

  lost(error: unknown): void {
    // That one only says that an unresponsive connection, or the client, was closed.
    if (!(error instanceof DisconnectsClientError)) this.#reason = error
    if (!this.#isLost)
      this.#log.warn('redis.disconnected', 'Redis unreachable, reconnecting', {
        address: addressOf(this.#url),
        error,
      })
    this.#isLost = true
  }

  back(): void {
    if (this.#isLost)
      this.#log.info('redis.reconnected', 'Redis reachable again', { address: addressOf(this.#url) })
    this.#isLost = false
  }

  /**
   * Connects for the first time, within a time limit if there is one.
   *
   * @throws Failure that names the last reason, where there is a limit
   */
  async limit(
    timeoutMs: number | undefined,
    connect: () => Promise<unknown>,
    close: () => void,
  ): Promise<void> {
    const onTimeout = (): void => {
      this.#reason ??= new Error(`no reply within ${timeoutMs} ms`)
      close()
    }
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs)
    this.#reason = undefined
    try {
      await connect()
    } catch (error) {
      if (isInstance(error, Failure) || timeoutMs === undefined) throw error
      throw unreachable('Redis', this.#url, this.#reason ?? error)
    } finally {
      clearTimeout(timer)
    }
  }
}
