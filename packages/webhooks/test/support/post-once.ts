// Sends one request over TLS and prints what came of it. A separate process: trust is read at its start.
import { WebhookClient } from '../../src/sender/client.ts'

const { TARGET_URL = '' } = process.env
const client = new WebhookClient({
  egress: { allowHttp: false, allowedPorts: [443], allowedSubnets: ['127.0.0.1/32'] },
  resolve: () => Promise.resolve(['127.0.0.1']),
  timeoutMs: 10_000,
})
const headers = { 'content-type': 'application/json' }
const answer = await client.post({ url: TARGET_URL, headers, body: '{}' }, new AbortController().signal)
await client.close()
process.stdout.write(JSON.stringify(answer))
