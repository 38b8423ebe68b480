/**
 * What crosses the HTTP border, as valibot schemas: what is validated is what is documented.
 * Messages never repeat what the client sent.
 */
import * as v from 'valibot'
import {
  DELIVERY_STATUSES,
  WEBHOOK_EVENT_TYPES,
  type DeliveryStatus,
  type WebhookEventType,
} from '@titan/webhooks'
import { pageLimit } from './payments.ts'

const text = v.string('must be a string')
const url = v.pipe(
  text,
  v.maxLength(2_048, 'must have at most 2048 characters'),
  v.description('Where the events are sent: https, a public address'),
)
const description = v.pipe(text, v.maxLength(255, 'must have at most 255 characters'))
const eventTypes = v.nullable(
  v.pipe(
    v.array(
      v.picklist(WEBHOOK_EVENT_TYPES, `must be one of ${WEBHOOK_EVENT_TYPES.join(', ')}`),
      'must be a list',
    ),
    v.minLength(1, 'must name at least one type, or be null for all'),
    v.maxLength(WEBHOOK_EVENT_TYPES.length, 'has more entries than there are types'),
    v.readonly(),
  ),
)
const secret = v.pipe(
  text,
  v.maxLength(128, 'is too long'),
  v.description('whsec_ and base64 of 24 to 64 bytes; left out: a new one'),
)
const flag = v.boolean('must be true or false')

/** The body of `POST /webhook-endpoints`. */
export interface CreateEndpointBody {
  readonly url: string
  readonly description?: string
  readonly event_types?: readonly WebhookEventType[] | null
  readonly secret?: string
}
export const createEndpointBody: v.GenericSchema<unknown, CreateEndpointBody> = v.strictObject(
  {
    url,
    description: v.exactOptional(description),
    event_types: v.exactOptional(eventTypes),
    secret: v.exactOptional(secret),
  },
  'must be an object',
)

/** The body of `PATCH /webhook-endpoints/{endpoint_id}`. */
export interface UpdateEndpointBody {
  readonly url?: string
  readonly description?: string
  readonly event_types?: readonly WebhookEventType[] | null
  readonly enabled?: boolean
}
export const updateEndpointBody: v.GenericSchema<unknown, UpdateEndpointBody> = v.strictObject(
  {
    url: v.exactOptional(url),
    description: v.exactOptional(description),
    event_types: v.exactOptional(eventTypes),
    enabled: v.exactOptional(flag),
  },
  'must be an object',
)

/** The body of `POST /webhook-endpoints/{endpoint_id}/rotate-secret`, which may be left out. */
export interface RotateSecretBody {
  readonly secret?: string
  readonly force?: boolean
  readonly overlap_seconds?: number
}
export const rotateSecretBody: v.GenericSchema<unknown, RotateSecretBody> = v.strictObject(
  {
    secret: v.exactOptional(secret),
    force: v.exactOptional(flag),
    overlap_seconds: v.exactOptional(
      v.pipe(
        v.number('must be a number'),
        v.safeInteger('must be a whole number'),
        v.minValue(0, 'must be 0 or more'),
        v.maxValue(604_800, 'must be at most 604800, a week'),
        v.description('How long the old secret goes on signing; 0 for one that leaked. 86400 when left out'),
      ),
    ),
  },
  'must be an object',
)

const instant = v.pipe(
  text,
  v.isoTimestamp('must be a time such as 2026-11-24T12:00:00Z'),
  v.transform((moment) => new Date(moment)),
  v.date('must be a time such as 2026-11-24T12:00:00Z'),
)

/** The body of `POST /webhook-endpoints/{endpoint_id}/redeliver`, which may be left out. */
export interface RedeliverRangeBody {
  readonly since?: Date
  readonly until?: Date
  readonly status?: 'FAILED' | 'DELIVERED'
}
export const redeliverRangeBody: v.GenericSchema<unknown, RedeliverRangeBody> = v.strictObject(
  {
    since: v.exactOptional(instant),
    until: v.exactOptional(instant),
    status: v.exactOptional(v.picklist(['FAILED', 'DELIVERED'], 'must be FAILED or DELIVERED')),
  },
  'must be an object',
)

/** The body of `POST /webhook-events/{event_id}/redeliver`, which may be left out. */
export interface RedeliverEventBody {
  readonly endpoint_id?: string
}
export const redeliverEventBody: v.GenericSchema<unknown, RedeliverEventBody> = v.strictObject(
  { endpoint_id: v.exactOptional(v.pipe(text, v.maxLength(64, 'is too long'))) },
  'must be an object',
)

/** The query of the lists. */
export interface ListQuery {
  /** 1 to 100. @default 20 */
  readonly limit: number
  /** The `next_cursor` of the page before. */
  readonly cursor?: string
  readonly status?: DeliveryStatus
  readonly payment_id?: string
}
const cursor = v.exactOptional(
  v.pipe(v.string(), v.regex(/^\w{1,128}$/, 'must be the next_cursor of a page')),
)

export const endpointsQuery: v.GenericSchema<unknown, ListQuery> = v.strictObject(
  { limit: pageLimit, cursor },
  'must be a query',
)
export const deliveriesQuery: v.GenericSchema<unknown, ListQuery> = v.strictObject(
  {
    limit: pageLimit,
    cursor,
    status: v.exactOptional(v.picklist(DELIVERY_STATUSES, `must be one of ${DELIVERY_STATUSES.join(', ')}`)),
  },
  'must be a query',
)
export const eventsQuery: v.GenericSchema<unknown, ListQuery> = v.strictObject(
  {
    limit: pageLimit,
    cursor,
    payment_id: v.exactOptional(
      v.pipe(v.string(), v.regex(/^pay_[\w-]{1,64}$/, 'must be the id of a payment')),
    ),
  },
  'must be a query',
)
