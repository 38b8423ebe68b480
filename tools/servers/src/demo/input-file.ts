import { createReadStream } from 'node:fs'
import { describeError, LocalError } from '../errors.ts'
import { readSamples, type SampleFile } from './samples.ts'

/** The longest file that is read, in bytes. All of it is held in memory. */
const MAX_INPUT_BYTES = 100 * 1024 * 1024

/**
 * Reads the payments of a CSV file in UTF-8, or in UTF-16 with a byte order mark.
 *
 * @throws LocalError `INVALID_INPUT` when it cannot be read, is longer than `maxBytes` or has no usable header
 */
export async function readInputFile(path: string, maxBytes = MAX_INPUT_BYTES): Promise<SampleFile> {
  let problem = 'Cannot read '
  try {
    const bytes = await readBytes(path, maxBytes)
    problem = ''
    return readSamples(decode(bytes))
  } catch (cause) {
    throw new LocalError('INVALID_INPUT', `${problem}${path}: ${describeError(cause)}`, { cause })
  }
}

/** Counts while it reads: a pipe does not say how much will come. */
async function readBytes(path: string, maxBytes: number) {
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
function decode(bytes: Buffer) {
  const mark = bytes.subarray(0, 2).toString('hex')
  const encoding = { fffe: 'utf-16le', feff: 'utf-16be' }[mark] ?? 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}
