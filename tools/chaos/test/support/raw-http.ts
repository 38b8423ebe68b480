import { connect } from 'node:net'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

/** What came back over a socket, as far as it is HTTP. */
export interface RawAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** How long a server may wait for more bytes before it is told that none will come. */
const GIVE_UP_MS = 100

/**
 * Sends bytes as they are over a separate connection, and reads to the end. Undefined when nothing came back. Bytes that
 * are not `whole` leave the server waiting: it is told soon that no more will come.
 */
export function exchange(port: number, bytes: Uint8Array, whole = true): Promise<RawAnswer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    // Node answers nobody who has closed his side, so a whole request keeps it open.
    const timer = whole ? undefined : setTimeout(() => socket.end(), GIVE_UP_MS)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    // Who answers before it has read all closes with a reset; what was answered counts.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error)
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(read(Buffer.concat(chunks).toString('latin1')))
    })
  })
}

/** Throws for an answer that is not what its header says. */
const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

const INTERIM = /^HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/

function read(text: string): RawAnswer | undefined {
  let rest = text
  while (INTERIM.test(rest)) rest = rest.replace(INTERIM, '')
  const end = rest.indexOf('\r\n\r\n')
  const head = rest.slice(0, end)
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? []
  if (end === -1 || status === undefined) return undefined
  const [, contentType = ''] = /^content-type: *([^\r\n]*)/im.exec(head) ?? []
  const [, length] = /^content-length: *(\d+)/im.exec(head) ?? []
  // Bytes behind a request may be answered too.
  const sent = rest.slice(end + 4).slice(0, length === undefined ? undefined : Number(length))
  const body = /^transfer-encoding: *chunked/im.test(head) ? joinChunks(sent) : sent
  return { status: Number(status), contentType, body: decode(body, head) }
}

function decode(body: string, head: string): string {
  const bytes = Buffer.from(body, 'latin1')
  const [, encoding = ''] = /^content-encoding: *([^\r\n]*)/im.exec(head) ?? []
  const decoder = body === '' ? undefined : DECODERS[encoding]
  return (decoder?.(bytes) ?? bytes).toString()
}

function joinChunks(body: string): string {
  let [text, at] = ['', 0]
  for (;;) {
    const [line = '', size] = /^([\da-f]+)\r\n/i.exec(body.slice(at)) ?? []
    const length = Number.parseInt(size ?? '0', 16)
    if (length === 0) return text
    text += body.slice(at + line.length, at + line.length + length)
    at += line.length + length + 2
  }
}
