import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Delivery } from './behaviour.ts'
import type { WrittenAnswer } from '../stripe/write.ts'

/** Answers, or does something worse. */
export async function deliver(
  answer: WrittenAnswer,
  delivery: Delivery,
  incoming: IncomingMessage,
  headers: Readonly<Record<string, string>>,
  hugeBytes = 2 ** 30,
): Promise<Response> {
  const asJson = { ...headers, 'content-type': 'application/json' }
  switch (delivery) {
    case 'send':
      return Response.json(answer.body, { status: answer.status, headers })
    case 'reset':
      incoming.socket.resetAndDestroy()
      return RESPONSE_ALREADY_SENT
    case 'hang':
      if (!incoming.socket.destroyed) await once(incoming.socket, 'close')
      return RESPONSE_ALREADY_SENT
    case 'garbage':
      return new Response('{"id": "pi_', { headers: asJson })
    case 'html':
      return new Response('<html><body>It works!</body></html>', { headers: { 'content-type': 'text/html' } })
    case 'huge':
      return new Response(flood(hugeBytes), { headers: asJson })
    case 'trickle':
      return new Response(drip(), { headers: asJson })
    case 'error_200':
      return Response.json({ error: { type: 'api_error', message: 'In maintenance.' } }, { headers })
  }
}

/** A JSON string without end, as fast as it is read. */
function flood(bytes: number): ReadableStream<Uint8Array> {
  const chunk = new TextEncoder().encode(`"${'x'.repeat(65_534)}`)
  let left = bytes
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(chunk)
      if ((left -= chunk.length) <= 0) controller.close()
    },
  })
}

/** One space ten times a second, for as long as the client listens. */
function drip(): ReadableStream<Uint8Array> {
  const space = new TextEncoder().encode(' ')
  let timer: NodeJS.Timeout | undefined
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(space), 100)
    },
    cancel() {
      clearInterval(timer)
    },
  })
}
