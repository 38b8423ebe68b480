import type { Socket } from 'node:net'

/** One direction of a connection through the proxy. */
export interface Pipe {
  /** From now on everything arrives so much later; what is on its way keeps its place. */
  delay(ms: number): void
  /** Takes in nothing more, until `thaw`. */
  freeze(): void
  thaw(): void
  /** Forgets what is on its way. */
  close(): void
}

/** Passes on what arrives, as long as `pass` allows the number of bytes. */
export function openPipe(from: Socket, to: Socket, pass: (bytes: number) => boolean): Pipe {
  const waiting: { readonly chunk: Buffer; readonly at: number }[] = []
  let delayMs = 0
  let isFrozen = false
  let isEnded = false
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    timer = undefined
    while (waiting.length > 0) {
      const [first] = waiting
      const leftMs = (first?.at ?? 0) - performance.now()
      if (leftMs > 0) {
        timer = setTimeout(flush, leftMs)
        return
      }
      waiting.shift()
      if (first !== undefined) write(first.chunk)
    }
    if (isEnded) to.end()
  }

  function write(chunk: Buffer): void {
    if (!pass(chunk.length) || to.destroyed || to.write(chunk)) return
    from.pause()
    to.once('drain', resume)
  }

  function resume(): void {
    if (!isFrozen) from.resume()
  }

  from.on('data', (chunk: Buffer) => {
    waiting.push({ chunk, at: performance.now() + delayMs })
    if (timer === undefined) flush()
  })
  from.on('end', () => {
    isEnded = true
    if (timer === undefined) flush()
  })

  return {
    delay(ms) {
      delayMs = ms
    },
    freeze() {
      isFrozen = true
      from.pause()
    },
    thaw() {
      isFrozen = false
      from.resume()
    },
    close() {
      clearTimeout(timer)
      waiting.length = 0
    },
  }
}
