import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, Mismatch, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import type { Trial } from '../trial.ts'
import { CERTIFICATE, CERTIFICATE_KEY } from '../wire/certificate.ts'

const PROVEN = 'No byte was sent: return NOT_SENT, so that the payment can be tried elsewhere at once.'

/** A label of 64 characters: no name server is asked, so the check needs none. */
const NO_HOST = `${'gateway'.padEnd(64, '-x')}.invalid`

/** Addresses at which no gateway answers. */
export const UNREACHABLE_ROWS: readonly Row[] = [
  {
    behaviour: 'charge: connection refused',
    expected: 'NOT_SENT; one charge after a repeat',
    advice: `${PROVEN} Tell ECONNREFUSED from ECONNRESET, which proves nothing.`,
    run: (trial) => chargeAt(trial, refusedUrl(trial)),
  },
  {
    behaviour: 'charge: host name that does not exist',
    expected: 'NOT_SENT; one charge after a repeat',
    advice: `${PROVEN} The codes of failed names are ENOTFOUND, EAI_AGAIN and EAI_FAIL.`,
    run: (trial) => chargeAt(trial, `http://${NO_HOST}:${new URL(trial.proxy.url).port}`),
  },
  {
    behaviour: 'charge: certificate of a stranger',
    expected: 'NOT_SENT or UNKNOWN, nothing sent; one charge after a repeat',
    advice: 'Verify the certificate of the gateway: never set rejectUnauthorized to false.',
    run: chargeAtStranger,
  },
]

/** Nothing listens there: the proxy has the port on another address, so that no other program gets it. */
function refusedUrl({ proxy }: Trial): string {
  return proxy.url.replace('127.0.0.1', '127.0.0.2')
}

async function chargeAt(trial: Trial, url: string): Promise<string> {
  const request = trial.newCharge()
  const outcome = await trial.charge(request, { gateway: await trial.create(url) })
  requireType(outcome, 'NOT_SENT')
  await trial.requireOneCharge(request)
  return describe(outcome)
}

async function chargeAtStranger(trial: Trial): Promise<string> {
  let requests = 0
  const server = createServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, (_, response) => {
    requests++
    response.writeHead(500).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const request = trial.newCharge()
    void trial.proxy
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const outcome = await trial.charge(request, { gateway: await trial.create(url) })
    if (requests > 0) throw new Mismatch('the request was sent to a stranger')
    requireType(outcome, 'NOT_SENT', 'UNKNOWN')
    await trial.requireOneCharge(request)
    return describe(outcome)
  } finally {
    server.close()
    server.closeAllConnections()
  }
}
