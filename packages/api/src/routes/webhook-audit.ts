import type { Context } from 'hono'
import type { AppEnv } from '../http/env.ts'
import type { WebhookServices } from './webhook-services.ts'

/** A change of an endpoint, for the audit record. */
interface Change<Result> {
  readonly action: string
  readonly target: string
  perform(): Promise<Result>
  summarize(result: Result): string
}

/** Performs a change together with its row in the audit record, which names the caller's API key. */
export async function change<Result>(
  context: Context<AppEnv>,
  { audited }: WebhookServices,
  { action, target, perform, summarize }: Change<Result>,
): Promise<Result> {
  const key = context.get('apiKey')
  const actor =
    key === undefined
      ? { operator: '(no API key)', credential: 'none', isProven: false }
      : { operator: key.name, credential: `API key ${key.id}`, isProven: true }
  let result: { readonly value: Result } | undefined
  await audited({ ...actor, action, target, note: '' }, async () => {
    const value = await perform()
    result = { value }
    return summarize(value)
  })
  if (result === undefined) throw new Error('The change was not performed')
  return result.value
}

/** Returns an address without its path and query, which may hold a token. */
export function originOf(address: string): string {
  return URL.canParse(address) ? new URL(address).origin : '(not a URL)'
}
