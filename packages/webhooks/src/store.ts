import { type Database } from '@titan/payments'
import type {
  PageRequest,
  RedeliveryRange,
  WebhookAttempt,
  WebhookDelivery,
  WebhookEvent,
} from './delivery.ts'
import type {
  CreatedEndpoint,
  EndpointChanges,
  NewEndpoint,
  RotatedSecret,
  RotationOptions,
  WebhookEndpoint,
} from './endpoint.ts'
import { TEST_EVENT_TYPE } from './event-types.ts'
import { WebhooksError } from './errors.ts'
import { isStorable, newEndpointId, newEventId } from './identifiers.ts'
import { encodePayload } from './payload.ts'
import { checkUrl, PUBLIC_REACH, type Reach } from './reach.ts'
import { checkSecret, newSecret } from './secret.ts'
import * as deliveries from './statements/deliveries.ts'
import type { DeliveryFilter, DeliveryPage, EventFilter, Redelivered } from './statements/deliveries.ts'
import { countBacklog, type WebhookBacklog } from './statements/backlog.ts'
import * as endpoints from './statements/endpoints.ts'
import { publish } from './statements/publish.ts'
import { createVault } from './vault.ts'

/** Endpoints, events, deliveries: what people and the API do with them. */
export interface WebhookStore {
  /** @throws {WebhooksError} `INVALID_ENDPOINT` */
  createEndpoint(given: NewEndpoint): Promise<CreatedEndpoint>
  getEndpoint(id: string): Promise<WebhookEndpoint | undefined>
  /** Oldest first. */
  listEndpoints(page?: PageRequest): Promise<WebhookEndpoint[]>
  /** @throws {WebhooksError} `INVALID_ENDPOINT`, `ENDPOINT_NOT_FOUND` */
  updateEndpoint(id: string, changes: EndpointChanges): Promise<WebhookEndpoint>
  /** Nothing more is sent to it; its deliveries stay. @throws {WebhooksError} `ENDPOINT_NOT_FOUND` */
  deleteEndpoint(id: string): Promise<void>
  /**
   * Makes a new secret. Until the old one ends, both sign.
   * @throws {WebhooksError} `ROTATION_OVERLAP` while an old secret signs, unless forced; `ENDPOINT_NOT_FOUND`, `INVALID_ENDPOINT`
   */
  rotateSecret(id: string, options?: RotationOptions): Promise<RotatedSecret>
  /** Sends a test event. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  sendTestEvent(id: string): Promise<WebhookDelivery>

  getEvent(id: string): Promise<WebhookEvent | undefined>
  listEvents(filter?: EventFilter): Promise<WebhookEvent[]>
  getDelivery(id: string): Promise<WebhookDelivery | undefined>
  deliveriesOfEvent(eventId: string): Promise<WebhookDelivery[]>
  /** A page, newest first. Its cost is bounded, so it may be short, or empty, and still name a next one. */
  deliveryPage(endpointId: string, filter?: DeliveryFilter): Promise<DeliveryPage>
  /** Up to `limit` deliveries, newest first, over as many pages as that takes. */
  deliveriesOfEndpoint(endpointId: string, filter?: DeliveryFilter): Promise<WebhookDelivery[]>
  attemptsOf(deliveryId: string): Promise<WebhookAttempt[]>

  /** What waits to be sent, and which endpoints keep it waiting; at a bounded cost. */
  backlog(): Promise<WebhookBacklog>
  /**
   * Sends deliveries again, with the same `webhook-id`; answers how many. Those of disabled endpoints stay as they are.
   * @throws {WebhooksError} `DELIVERY_NOT_FOUND` or `EVENT_NOT_FOUND`; `ENDPOINT_DISABLED` when none can be sent
   */
  redeliver(which: Redelivered): Promise<number>
  /** @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  redeliverRange(endpointId: string, range?: RedeliveryRange): Promise<number>
}

/** Options of {@link createWebhookStore}. */
export interface WebhookStoreOptions {
  /** The keys that secrets are encrypted under, 32 bytes each; the first one encrypts. */
  readonly encryptionKeys: readonly Uint8Array[]
  /** What a URL may be. @default the public internet over TLS */
  readonly reach?: Reach
}

const DAY_MS = 86_400_000

/** Every event becomes a delivery for each endpoint. */
const MAX_ENDPOINTS = 100

/** The store over an open, migrated database. */
export function createWebhookStore(sql: Database, options: WebhookStoreOptions): WebhookStore {
  const { encryptionKeys, reach = PUBLIC_REACH } = options
  const vault = createVault(encryptionKeys)

  async function findEndpoint(id: string): Promise<WebhookEndpoint> {
    return found(isStorable(id) ? await endpoints.getEndpoint(sql, id) : undefined)
  }

  async function findActive(id: string): Promise<WebhookEndpoint> {
    const endpoint = await findEndpoint(id)
    if (endpoint.disabledAt !== null) throw disabled()
    return endpoint
  }

  return {
    async createEndpoint({ url, description = '', eventTypes = null, secret = newSecret() }) {
      const id = newEndpointId()
      const row = {
        id,
        url: checkUrl(url, reach),
        description: checkDescription(description),
        eventTypes: checkEventTypes(eventTypes),
        secret: vault.seal(checkSecret(secret), id),
      }
      const endpoint = await endpoints.insertEndpoint(sql, row, MAX_ENDPOINTS)
      if (endpoint === undefined)
        throw new WebhooksError(
          'ENDPOINT_LIMIT',
          `There are ${MAX_ENDPOINTS} endpoints already: delete one that is not used`,
        )
      return { endpoint, secret }
    },
    getEndpoint: async (id) => (isStorable(id) ? endpoints.getEndpoint(sql, id) : undefined),
    listEndpoints: (page = {}) => endpoints.listEndpoints(sql, page),
    async updateEndpoint(id, { url, description, eventTypes, isEnabled }) {
      if (!isStorable(id)) throw missing()
      const changes = {
        ...(url === undefined ? {} : { url: checkUrl(url, reach) }),
        ...(description === undefined ? {} : { description: checkDescription(description) }),
        ...(eventTypes === undefined ? {} : { eventTypes: checkEventTypes(eventTypes) }),
        ...(isEnabled === undefined ? {} : { isEnabled }),
      }
      return found(await endpoints.updateEndpoint(sql, id, changes))
    },
    async deleteEndpoint(id) {
      if (!isStorable(id) || !(await endpoints.deleteEndpoint(sql, id))) throw missing()
    },
    async rotateSecret(id, { secret = newSecret(), overlapMs = DAY_MS, isForced = false } = {}) {
      if (!isStorable(id)) throw missing()
      const sealed = vault.seal(checkSecret(secret), id)
      const rotation = await endpoints.rotateSecret(sql, id, { secret: sealed, overlapMs, isForced })
      if (rotation.kind === 'unknown') throw missing()
      if (rotation.kind === 'rotated') return { secret, oldSecretUntil: rotation.oldSecretUntil }
      throw new WebhooksError(
        'ROTATION_OVERLAP',
        'The secret was rotated a short while ago and the one before still signs: wait, or force it',
        { retryAfterMs: rotation.waitMs },
      )
    },
    async sendTestEvent(id) {
      await findActive(id)
      const eventId = newEventId()
      const timestamp = new Date().toISOString()
      const payload = encodePayload({ type: TEST_EVENT_TYPE, timestamp, data: { endpoint_id: id } })
      const event = { id: eventId, type: TEST_EVENT_TYPE, paymentId: null, payload, at: timestamp } as const
      await publish(sql, [event], { endpointId: id })
      const [delivery] = await deliveries.deliveriesOfEvent(sql, eventId)
      // Without one, the endpoint was deleted in between.
      return found(delivery)
    },
    getEvent: async (id) => (isStorable(id) ? deliveries.getEvent(sql, id) : undefined),
    listEvents: (filter = {}) => deliveries.listEvents(sql, filter),
    getDelivery: (id) => deliveries.getDelivery(sql, id),
    deliveriesOfEvent: (eventId) => deliveries.deliveriesOfEvent(sql, eventId),
    deliveryPage: (endpointId, filter = {}) => deliveries.pageOfDeliveries(sql, endpointId, filter),
    deliveriesOfEndpoint: (endpointId, filter = {}) =>
      deliveries.deliveriesOfEndpoint(sql, endpointId, filter),
    attemptsOf: (deliveryId) => deliveries.attemptsOf(sql, deliveryId),
    backlog: () => countBacklog(sql),
    async redeliver(which) {
      if ('eventId' in which && !isStorable(which.eventId))
        throw new WebhooksError('EVENT_NOT_FOUND', 'There is no such event')
      if ('eventId' in which && !isStorable(which.endpointId ?? ''))
        throw new WebhooksError('DELIVERY_NOT_FOUND', 'There is no such delivery')
      const count = await deliveries.redeliver(sql, which)
      if (count > 0) return count
      if ('eventId' in which && (await deliveries.getEvent(sql, which.eventId)) === undefined)
        throw new WebhooksError('EVENT_NOT_FOUND', 'There is no such event')
      const matching =
        'eventId' in which
          ? await deliveries.deliveriesOfEvent(sql, which.eventId)
          : [await deliveries.getDelivery(sql, which.deliveryId)].filter((delivery) => delivery !== undefined)
      const isKnown = matching.some(
        ({ endpointId }) =>
          !('eventId' in which) || which.endpointId === undefined || endpointId === which.endpointId,
      )
      throw isKnown ? disabled() : new WebhooksError('DELIVERY_NOT_FOUND', 'There is no such delivery')
    },
    async redeliverRange(endpointId, range = {}) {
      await findActive(endpointId)
      return deliveries.redeliverRange(sql, endpointId, range)
    },
  }
}

function found<Value>(value: Value | undefined): Value {
  if (value === undefined) throw missing()
  return value
}

function missing(): WebhooksError {
  return new WebhooksError('ENDPOINT_NOT_FOUND', 'There is no such endpoint')
}

function disabled(): WebhooksError {
  return new WebhooksError('ENDPOINT_DISABLED', 'The endpoint is disabled: enable it first')
}

const MAX_DESCRIPTION = 255

function checkDescription(text: string): string {
  if (text.length <= MAX_DESCRIPTION && !text.includes('\u0000')) return text
  throw new WebhooksError('INVALID_ENDPOINT', `description must have at most ${MAX_DESCRIPTION} characters`, {
    field: 'description',
  })
}

function checkEventTypes<Type>(types: readonly Type[] | null): readonly Type[] | null {
  if (types === null || types.length > 0) return types && [...new Set(types)]
  throw new WebhooksError('INVALID_ENDPOINT', 'event_types must name at least one type, or be null for all', {
    field: 'event_types',
  })
}
