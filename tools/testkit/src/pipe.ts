import type { Duplex } from 'node:stream'

interface WaitingChunk {
  readonly chunk: Buffer
  readonly dueAt: number
}

/** One direction of a connection through the proxy. Calls `allows` before it passes a chunk on. */
export class Pipe {
  readonly #from: Duplex
  readonly #to: Duplex
  readonly #allows: (chunk: Buffer) => boolean
  readonly #waiting: WaitingChunk[] = []
  #delayMs = 0
  #isFrozen = false
  #isEnded = false
  #timer: NodeJS.Timeout | undefined

  constructor(from: Duplex, to: Duplex, allows: (chunk: Buffer) => boolean) {
    this.#from = from
    this.#to = to
    this.#allows = allows
    from.on('data', (chunk: Buffer) => {
      this.#waiting.push({ chunk, dueAt: performance.now() + this.#delayMs })
      if (this.#timer === undefined) this.#flush()
    })
    from.on('end', () => {
      this.#isEnded = true
      if (this.#timer === undefined) this.#flush()
    })
  }

  /** Delays what arrives from now on; chunks that already wait keep their place. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Reads nothing more until `thaw`. */
  freeze(): void {
    this.#isFrozen = true
    this.#from.pause()
  }

  thaw(): void {
    this.#isFrozen = false
    this.#from.resume()
  }

  /** Discards the chunks that wait. */
  close(): void {
    clearTimeout(this.#timer)
    this.#waiting.length = 0
  }

  #flush(): void {
    this.#timer = undefined
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const leftMs = first.dueAt - performance.now()
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#flush(), leftMs)
        return
      }
      this.#waiting.shift()
      this.#write(first.chunk)
    }
    if (this.#isEnded) this.#to.end()
  }

  #write(chunk: Buffer): void {
    if (!this.#allows(chunk) || this.#to.destroyed || this.#to.write(chunk)) return
    this.#from.pause()
    this.#to.once('drain', () => {
      if (!this.#isFrozen) this.#from.resume()
    })
  }
}
