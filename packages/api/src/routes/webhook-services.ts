import type { Audited } from '@titan/dashboard'
import type { EventFilter, PageRequest, WebhookEndpoint, WebhookEvent, WebhookStore } from '@titan/webhooks'
import type { Context } from 'hono'
import * as v from 'valibot'
import { accountOf } from '../http/account.ts'
import type { AppEnv } from '../http/env.ts'
import { includesScope } from '../keys/api-key.ts'
import { json } from '../openapi/operation.ts'
import { pageLimit } from '../schemas/parts.ts'

/** What the routes of outgoing webhooks work with. */
export interface WebhookServices {
  /** Of all accounts; {@link webhooksOf} is that of the caller's. */
  readonly webhooks: WebhookStore
  /** Reads lists. */
  readonly lists: WebhookLists
  /** Records changes of endpoints. */
  readonly audited: Audited
}

/** Lists of one account. */
export interface WebhookLists {
  /** Of an endpoint that was found to be the account's. */
  deliveryPage(
    ...[endpointId, filter]: Parameters<WebhookStore['deliveryPage']>
  ): ReturnType<WebhookStore['deliveryPage']>
  listEndpoints(account: string, page: PageRequest): Promise<WebhookEndpoint[]>
  listEvents(account: string, filter: EventFilter): Promise<WebhookEvent[]>
}

/** Returns the store in which nothing but the account of the caller is found. */
export function webhooksOf(context: Context<AppEnv>, { webhooks }: WebhookServices): WebhookStore {
  return webhooks.of(accountOf(context))
}

/** Reads lists from a store. */
export function listsOf(webhooks: WebhookStore): WebhookLists {
  return {
    deliveryPage: (endpointId, filter) => webhooks.deliveryPage(endpointId, filter),
    listEndpoints: (account, page) => webhooks.of(account).listEndpoints(page),
    listEvents: (account, filter) => webhooks.of(account).listEvents(filter),
  }
}

/** The entries of a query that choose a page. */
export const pageEntries = {
  limit: pageLimit,
  cursor: v.exactOptional(v.pipe(v.string(), v.regex(/^\w{1,128}$/, 'must be the next_cursor of a page'))),
}

/** Reads one entry more than the page has, which shows whether there is a next page. */
export async function readPage<Item extends { readonly id: string }>(
  { limit, cursor: after }: { readonly limit: number; readonly cursor?: string },
  read: (page: { limit: number; after: string | undefined }) => Promise<readonly Item[]>,
) {
  const entries = await read({ limit: limit + 1, after })
  const page = entries.slice(0, limit)
  return { page, next: entries.length > limit ? page.at(-1)?.id : undefined }
}

/** Describes the response of a redelivery. */
export const REDELIVERED = json(202, 'Redelivered', 'The number of deliveries that will be sent again')

/** A change of an endpoint or its deliveries, for the audit record. */
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

/** Starts deliveries again. Returns their number. */
export function redeliver(
  context: Context<AppEnv>,
  services: WebhookServices,
  target: string,
  perform: (webhooks: WebhookStore) => Promise<number>,
): Promise<number> {
  return change(context, services, {
    action: 'webhook.redeliver',
    target,
    perform: () => perform(webhooksOf(context, services)),
    summarize: (count) => `${count} deliveries`,
  })
}

/** Returns an address without its path and query, which may hold a token. */
export function originOf(address: string): string {
  return URL.canParse(address) ? new URL(address).origin : '(not a URL)'
}

/** Returns whether the caller sees whole URLs. Without API keys every caller does. */
export function seesUrls(context: Context<AppEnv>): boolean {
  const key = context.get('apiKey')
  return key === undefined || includesScope(key.scope, 'admin')
}
