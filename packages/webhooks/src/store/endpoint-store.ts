import type { Database } from '@titan/payments'
import type { PageRequest } from '../model/delivery.ts'
import { checkUrl, PUBLIC_EGRESS, type EgressPolicy } from '../model/egress-policy.ts'
import type {
  CreatedEndpoint,
  EndpointChanges,
  NewEndpoint,
  RotatedSecret,
  RotationOptions,
  WebhookEndpoint,
} from '../model/endpoint.ts'
import { WebhooksError } from '../model/errors.ts'
import { isStorable, newEndpointId } from '../model/identifiers.ts'
import { createSecretBox } from '../model/secret-box.ts'
import { checkSecret, newSecret } from '../model/secret.ts'
import { pageLength, statement } from './statements.ts'

/** The endpoints of a webhook store. */
export interface EndpointStore {
  /** @throws {WebhooksError} `INVALID_ENDPOINT`, `ENDPOINT_LIMIT` */
  createEndpoint(given: NewEndpoint): Promise<CreatedEndpoint>
  getEndpoint(id: string): Promise<WebhookEndpoint | undefined>
  /** Oldest first. */
  listEndpoints(page?: PageRequest): Promise<WebhookEndpoint[]>
  /** @throws {WebhooksError} `INVALID_ENDPOINT`, `ENDPOINT_NOT_FOUND` */
  updateEndpoint(id: string, changes: EndpointChanges): Promise<WebhookEndpoint>
  /** Sends nothing more to it; its deliveries stay. @throws {WebhooksError} `ENDPOINT_NOT_FOUND` */
  deleteEndpoint(id: string): Promise<void>
  /**
   * Creates a new secret. Until the old one ends, both sign.
   * @throws {WebhooksError} `ROTATION_OVERLAP` while an old secret signs, unless forced; `ENDPOINT_NOT_FOUND`, `INVALID_ENDPOINT`
   */
  rotateSecret(id: string, options?: RotationOptions): Promise<RotatedSecret>
}

/** Options of `createWebhookStore`. */
export interface WebhookStoreOptions {
  /** The keys that secrets are encrypted under, 32 bytes each; the first one encrypts. */
  readonly encryptionKeys: readonly Uint8Array[]
  /** Where an endpoint may be. @default the public internet over TLS */
  readonly egress?: EgressPolicy | undefined
}

const DAY_MS = 86_400_000
/** Every event becomes a delivery for each endpoint. */
const MAX_ENDPOINTS = 100
const MAX_DESCRIPTION = 255

const insert = statement<WebhookEndpoint>('insert_endpoint')
const find = statement<WebhookEndpoint>('find_endpoint')
const list = statement<WebhookEndpoint>('list_endpoints')
const update = statement<WebhookEndpoint>('update_endpoint')
const markDeleted = statement('delete_endpoint')
const rotate = statement<{
  readonly isRotated: boolean
  readonly oldSecretUntil: Date | null
  readonly waitMs: number
}>('rotate_secret')

/** Creates the store of endpoints over an open, migrated database. */
export function createEndpointStore(sql: Database, options: WebhookStoreOptions): EndpointStore {
  const { encryptionKeys, egress = PUBLIC_EGRESS } = options
  const box = createSecretBox(encryptionKeys)
  return {
    async createEndpoint({ url, description = '', eventTypes = null, secret = newSecret() }) {
      const id = newEndpointId()
      const [endpoint] = await insert(sql, {
        id,
        url: checkUrl(url, egress),
        description: checkDescription(description),
        eventTypes: checkEventTypes(eventTypes),
        secret: box.seal(checkSecret(secret), id),
        most: MAX_ENDPOINTS,
      })
      if (endpoint !== undefined) return { endpoint, secret }
      throw new WebhooksError(
        'ENDPOINT_LIMIT',
        `There are already ${MAX_ENDPOINTS} endpoints: delete one that is not used`,
      )
    },
    getEndpoint: (id) => findEndpoint(sql, id),
    listEndpoints: ({ after = '', limit } = {}) => list(sql, { after, most: pageLength(limit) }),
    async updateEndpoint(id, { url, description, eventTypes, isEnabled }) {
      requireStorable(id)
      const [endpoint] = await update(sql, {
        id,
        url: url === undefined ? null : checkUrl(url, egress),
        description: description === undefined ? null : checkDescription(description),
        hasEventTypes: eventTypes !== undefined,
        eventTypes: checkEventTypes(eventTypes ?? null),
        isEnabled: isEnabled ?? null,
      })
      return found(endpoint)
    },
    async deleteEndpoint(id) {
      requireStorable(id)
      found((await markDeleted(sql, { id }))[0])
    },
    async rotateSecret(id, { secret = newSecret(), overlapMs = DAY_MS, isForced = false } = {}) {
      requireStorable(id)
      const sealed = box.seal(checkSecret(secret), id)
      const [rotation] = await rotate(sql, { id, secret: sealed, overlapMs, isForced })
      const { isRotated, oldSecretUntil, waitMs } = found(rotation)
      if (isRotated) return { secret, oldSecretUntil }
      throw new WebhooksError(
        'ROTATION_OVERLAP',
        'The previous secret still signs after a recent rotation: wait, or force the rotation',
        { retryAfterMs: waitMs },
      )
    },
  }
}

/** Finds an endpoint that may be sent to. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
export async function requireEnabled(sql: Database, id: string): Promise<void> {
  if (found(await findEndpoint(sql, id)).disabledAt !== null) throw endpointDisabled()
}

/** Creates the error of an endpoint that must be enabled first. */
export function endpointDisabled(): WebhooksError {
  return new WebhooksError('ENDPOINT_DISABLED', 'The endpoint is disabled: enable it first')
}

/** Returns what belongs to an endpoint. @throws {WebhooksError} `ENDPOINT_NOT_FOUND` when there is none */
export function found<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new WebhooksError('ENDPOINT_NOT_FOUND', 'There is no such endpoint')
  return value
}

async function findEndpoint(sql: Database, id: string): Promise<WebhookEndpoint | undefined> {
  return isStorable(id) ? (await find(sql, { id }))[0] : undefined
}

function requireStorable(id: string): void {
  found(isStorable(id) ? id : undefined)
}

function checkDescription(text: string): string {
  if (text.length <= MAX_DESCRIPTION && !text.includes('\u0000')) return text
  const message = `description must have at most ${MAX_DESCRIPTION} characters and no NUL`
  throw new WebhooksError('INVALID_ENDPOINT', message, { field: 'description' })
}

function checkEventTypes<Type>(types: readonly Type[] | null): readonly Type[] | null {
  if (types === null || types.length > 0) return types && [...new Set(types)]
  throw new WebhooksError('INVALID_ENDPOINT', 'event_types must name at least one type, or be null for all', {
    field: 'event_types',
  })
}
