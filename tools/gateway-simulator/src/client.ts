import type { EventRequest, ResetRequest } from './control.ts'
import type { Order } from './script.ts'

/** Steers a simulator over HTTP. */
export interface SimulatorClient {
  /** Queues behaviours for requests to come. @throws {Error} for a behaviour that does not exist */
  order(orders: Order | readonly Order[]): Promise<void>
  /** Forgets every order; weighs anew when told to. */
  reset(request?: ResetRequest): Promise<void>
  /** Sends a webhook of any kind; resolves when it was taken or given up. */
  sendWebhook(event: EventRequest): Promise<void>
}

/** A client for the simulator at `url`. */
export function createClient(url: string): SimulatorClient {
  return {
    order: (orders) => send(`${url}/_control`, 'POST', orders),
    reset: (request = {}) => send(`${url}/_control`, 'DELETE', request),
    sendWebhook: (event) => send(`${url}/_webhook`, 'POST', event),
  }
}

async function send(url: string, method: string, body: object): Promise<void> {
  const response = await fetch(url, { method, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`The simulator answered ${response.status}: ${await response.text()}`)
  await response.body?.cancel()
}
