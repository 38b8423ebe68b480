import type { Context } from 'hono'
import { includesScope } from '../keys/api-key.ts'
import type { AppEnv } from './env.ts'

/** Names the caller in the history of a payment: `api`, or `api:key_` and the id of the API key. */
export function actorOf(context: Context<AppEnv>): string {
  const apiKey = context.get('apiKey')
  return apiKey === undefined ? 'api' : `api:key_${apiKey.id}`
}

/** Whether the caller may create payments: with a key of that scope, or where none is required. */
export function mayWrite(context: Context<AppEnv>): boolean {
  const apiKey = context.get('apiKey')
  return apiKey === undefined || includesScope(apiKey.scope, 'write')
}
