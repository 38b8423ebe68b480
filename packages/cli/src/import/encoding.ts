import { isAscii, isUtf8 } from 'node:buffer'
import { Failure } from '@titan/service'

/** Bytes that are looked at before anything is decoded: the mark, and where the zeros of UTF-16 are. */
const HEAD_BYTES = 64
/** Longest tail of a chunk that may be the beginning of one character in UTF-8. */
const MAX_TAIL = 3
/** A character of several bytes in UTF-8, as text of one byte a character. */
const WIDE = /[\xC2-\xDF][\x80-\xBF]|[\xE0-\xEF][\x80-\xBF]{2}|[\xF0-\xF4][\x80-\xBF]{3}/

/**
 * Decodes the bytes of a file as people save them: UTF-8 and UTF-16 with or without a mark, or Windows-1252. Where later bytes of
 * a UTF-8 file are invalid, the text has U+FFFD, which no member may hold.
 *
 * @throws Failure for a mixture of encodings
 */
export async function* decodeText(source: AsyncIterable<Buffer>): AsyncGenerator<string, void, undefined> {
  let decoder: TextDecoder | undefined
  let held = Buffer.alloc(0)
  let isBeginning = true
  for await (const chunk of source) {
    held = Buffer.concat([held, chunk])
    if (isBeginning && held.length < HEAD_BYTES) continue
    decoder ??= isBeginning ? wideDecoderOf(held) : undefined
    isBeginning = false
    decoder ??= narrowDecoderOf(held, false)
    if (decoder !== undefined) {
      yield decoder.decode(held, { stream: true })
      held = Buffer.alloc(0)
    } else {
      // All of it is ASCII, so far as it is decided.
      const end = held.length - tailOf(held)
      yield held.toString('latin1', 0, end)
      held = held.subarray(end)
    }
  }
  decoder ??= isBeginning ? wideDecoderOf(held) : undefined
  decoder ??= narrowDecoderOf(held, true)
  yield decoder === undefined ? held.toString('latin1') : decoder.decode(held)
}

/** Finds UTF-16 by its mark, or by the zeros in the ASCII of a header; UTF-8 by its mark. */
function wideDecoderOf(head: Buffer): TextDecoder | undefined {
  const mark = head.subarray(0, 3).toString('hex')
  if (mark === 'efbbbf') return new TextDecoder('utf-8')
  if (mark.startsWith('fffe')) return new TextDecoder('utf-16le')
  if (mark.startsWith('feff')) return new TextDecoder('utf-16be')
  if (head[0] !== 0 && head[1] === 0) return new TextDecoder('utf-16le')
  return head[0] === 0 && head[1] !== 0 ? new TextDecoder('utf-16be') : undefined
}

/** Decides between UTF-8 and Windows-1252 by the first bytes that are no ASCII; undefined while there are none. */
function narrowDecoderOf(bytes: Buffer, isEnd: boolean): TextDecoder | undefined {
  const whole = isEnd ? bytes : bytes.subarray(0, bytes.length - tailOf(bytes))
  if (isAscii(whole)) return undefined
  if (isUtf8(whole)) return new TextDecoder('utf-8')
  if (WIDE.test(whole.toString('latin1')))
    throw new Failure('the file mixes UTF-8 with another encoding: save it as UTF-8')
  return new TextDecoder('windows-1252')
}

/** Returns how many bytes at the end may be an unfinished character in UTF-8. */
function tailOf(bytes: Buffer): number {
  for (let length = 1; length <= Math.min(MAX_TAIL, bytes.length); length++) {
    const byte = bytes[bytes.length - length] ?? 0
    if (byte < 0x80) return length - 1
    if (byte >= 0xc0) return length
  }
  return Math.min(MAX_TAIL, bytes.length)
}
