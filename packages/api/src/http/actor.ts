import type { Context } from 'hono'
import type { AppEnv } from './env.ts'

/** Names the caller in the history of a payment: `api`, or `api:key_` and the id of the API key. */
export function actorOf(context: Context<AppEnv>): string {
  const apiKey = context.get('apiKey')
  return apiKey === undefined ? 'api' : `api:key_${apiKey.id}`
}
