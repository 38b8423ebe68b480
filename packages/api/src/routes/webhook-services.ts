import type { Audited } from '@titan/dashboard'
import type { WebhookStore } from '@titan/webhooks'
import * as v from 'valibot'
import type { ResponseSpec } from '../openapi/operation.ts'
import { pageLimit } from '../schemas/parts.ts'

/** What the routes of outgoing webhooks work with. */
export interface WebhookServices {
  readonly webhooks: WebhookStore
  /** Reads lists. */
  readonly lists: Pick<WebhookStore, 'deliveryPage' | 'listEndpoints' | 'listEvents'>
  /** Records changes of endpoints. */
  readonly audited: Audited
}

/** Which page of a list is wanted. */
interface PageQuery {
  readonly limit: number
  /** The `next_cursor` of the previous page. */
  readonly cursor?: string
}

/** The entries of a query that choose a page. */
export const pageEntries: {
  readonly limit: typeof pageLimit
  readonly cursor: v.ExactOptionalSchema<v.GenericSchema<string>, undefined>
} = {
  limit: pageLimit,
  cursor: v.exactOptional(v.pipe(v.string(), v.regex(/^\w{1,128}$/, 'must be the next_cursor of a page'))),
}

/** Reads one entry more than the page has, which shows whether there is a next page. */
export async function readPage<Item extends { readonly id: string }>(
  { limit, cursor: after }: PageQuery,
  read: (page: { readonly limit: number; readonly after: string | undefined }) => Promise<readonly Item[]>,
): Promise<{ readonly page: readonly Item[]; readonly next: string | undefined }> {
  const found = await read({ limit: limit + 1, after })
  const page = found.slice(0, limit)
  return { page, next: found.length > limit ? page.at(-1)?.id : undefined }
}

/** Describes the response of a list. */
export function pageResponse(schema: string, example: object): ResponseSpec {
  return {
    status: 200,
    description: 'One page',
    headers: ['Link'],
    schema,
    example: { data: [example], has_more: false, next_cursor: null },
  }
}

/** Describes the response of a redelivery. */
export const REDELIVERED: ResponseSpec = {
  status: 202,
  description: 'The number of deliveries that will be sent again',
  schema: 'Redelivered',
  example: { redelivered: 1 },
}
