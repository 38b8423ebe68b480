import { createReadStream } from 'node:fs'
import { describeError, LocalError } from '../errors.ts'
import { readSamples, type SampleFile } from './samples.ts'

/** The longest file that is read, in bytes. All of it is held in memory. */
export const MAX_INPUT_BYTES: number = 100 * 1024 * 1024

/**
 * Reads the payments of a CSV file in UTF-8, or in UTF-16 with a byte order mark.
 *
 * @throws LocalError `INVALID_INPUT` when it cannot be read, is longer than `maxBytes` or has no usable header
 */
export async function readInputFile(path: string, maxBytes: number = MAX_INPUT_BYTES): Promise<SampleFile> {
  let bytes: Buffer
  try {
    bytes = await readBytes(path, maxBytes)
  } catch (cause) {
    throw new LocalError('INVALID_INPUT', `Cannot read ${path}: ${describeError(cause)}`, { cause })
  }
  try {
    return readSamples(decode(bytes))
  } catch (cause) {
    throw new LocalError('INVALID_INPUT', `${path}: ${describeError(cause)}`, { cause })
  }
}

/** Counts while it reads: a pipe does not say how much will come. */
async function readBytes(path: string, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBytes) throw new Error(`longer than ${maxBytes} bytes; split it into several files`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Text without a byte order mark. What is not valid becomes U+FFFD, which no amount and no key may hold. */
function decode(bytes: Buffer): string {
  const isLittleEndian = bytes[0] === 0xff && bytes[1] === 0xfe
  const isBigEndian = bytes[0] === 0xfe && bytes[1] === 0xff
  const encoding = isLittleEndian ? 'utf-16le' : isBigEndian ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}
