import type { Database } from '@titan/payments'
import { checkUrl, PUBLIC_EGRESS, type EgressPolicy } from '../model/egress-policy.ts'
import { WebhooksError } from '../model/errors.ts'
import type { WebhookEventType } from '../model/event.ts'
import { isStorable, newEndpointId, type WebhookEndpoint } from '../model/records.ts'
import { checkSecret, newSecret, SecretBox } from '../model/secrets.ts'
import { pageLength, statement, type PageRequest } from './statements.ts'

/** What a store of webhooks needs besides a database. */
export interface WebhookStoreOptions {
  /** The keys that secrets are encrypted under, 32 bytes each; the first one encrypts. */
  readonly encryptionKeys: readonly Uint8Array[]
  /** Where an endpoint may be. @default the public internet over TLS */
  readonly egress?: EgressPolicy | undefined
  /** The one account whose endpoints, events and deliveries there are. @default every account, for operators */
  readonly account?: string | undefined
}

/** An endpoint to create. */
export interface NewEndpoint {
  readonly url: string
  /** For people, at most 255 characters. @default '' */
  readonly description?: string | undefined
  /** Null for every type, also those that later versions add. @default null */
  readonly eventTypes?: readonly WebhookEventType[] | null | undefined
  /** `whsec_` and base64 of 24 to 64 bytes. @default a new one of 32 random bytes */
  readonly secret?: string | undefined
}

/** Changes of an endpoint; what is left out stays. */
export interface EndpointChanges extends Partial<Omit<NewEndpoint, 'secret'>> {
  /** False stops sending; true starts it again, with a clean record. */
  readonly isEnabled?: boolean | undefined
}

/** How to rotate a secret. */
export interface RotationOptions {
  /** @default a new one */
  readonly secret?: string | undefined
  /** How long the present secret signs too, in milliseconds; 0 for one that leaked. @default 86400000, a day */
  readonly overlapMs?: number | undefined
  /** Rotates although an old secret still signs; that one ends at once. @default false */
  readonly isForced?: boolean | undefined
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
type Rotation = { readonly isRotated: boolean; readonly oldSecretUntil: Date | null; readonly waitMs: number }
const rotate = statement<Rotation>('rotate_secret')

/** The endpoints over an open, migrated database. */
export class EndpointStore {
  protected readonly sql: Database
  /** Whose endpoints, events and deliveries there are; null for those of every account. */
  protected readonly account: string | null
  readonly #box: SecretBox
  readonly #egress: EgressPolicy

  constructor(sql: Database, options: WebhookStoreOptions) {
    const { encryptionKeys, egress = PUBLIC_EGRESS, account = null } = options
    this.sql = sql
    this.account = account
    this.#box = new SecretBox(encryptionKeys)
    this.#egress = egress
  }

  /** Returns the secret too, which is shown only once. @throws {WebhooksError} `INVALID_ENDPOINT`, `ENDPOINT_LIMIT` */
  async createEndpoint({ url, description = '', eventTypes = null, secret = newSecret() }: NewEndpoint) {
    const id = newEndpointId()
    const [endpoint] = await insert(this.sql, {
      id,
      url: checkUrl(url, this.#egress),
      description: checkDescription(description),
      eventTypes: checkEventTypes(eventTypes),
      secret: this.#box.seal(checkSecret(secret), id),
      account: this.account === 'default' ? null : this.account,
      most: MAX_ENDPOINTS,
    })
    if (endpoint !== undefined) return { endpoint, secret }
    const message = `There are already ${MAX_ENDPOINTS} endpoints: delete one that is not used`
    throw new WebhooksError('ENDPOINT_LIMIT', message)
  }

  async getEndpoint(id: string) {
    return isStorable(id) ? (await find(this.sql, { id, account: this.account }))[0] : undefined
  }

  /** Lists a page of endpoints, oldest first. */
  listEndpoints({ after = '', limit }: PageRequest = {}) {
    return list(this.sql, { after, most: pageLength(limit), account: this.account })
  }

  /** @throws {WebhooksError} `INVALID_ENDPOINT`, `ENDPOINT_NOT_FOUND` */
  async updateEndpoint(id: string, { url, description, eventTypes, isEnabled }: EndpointChanges) {
    requireStorable(id)
    const [endpoint] = await update(this.sql, {
      id,
      url: url === undefined ? null : checkUrl(url, this.#egress),
      description: description === undefined ? null : checkDescription(description),
      hasEventTypes: eventTypes !== undefined,
      eventTypes: checkEventTypes(eventTypes ?? null),
      isEnabled: isEnabled ?? null,
      account: this.account,
    })
    return found(endpoint)
  }

  /** Sends nothing more to it; its deliveries stay. @throws {WebhooksError} `ENDPOINT_NOT_FOUND` */
  async deleteEndpoint(id: string) {
    requireStorable(id)
    found((await markDeleted(this.sql, { id, account: this.account }))[0])
  }

  /**
   * Creates a new secret. Both sign until `oldSecretUntil`, which is null when the old one ended at once.
   * @throws {WebhooksError} `ROTATION_OVERLAP` while an old secret signs, unless forced; `ENDPOINT_NOT_FOUND`, `INVALID_ENDPOINT`
   */
  async rotateSecret(
    id: string,
    { secret = newSecret(), overlapMs = DAY_MS, isForced = false }: RotationOptions = {},
  ) {
    requireStorable(id)
    const sealed = this.#box.seal(checkSecret(secret), id)
    const [rotation] = await rotate(this.sql, {
      id,
      secret: sealed,
      overlapMs,
      isForced,
      account: this.account,
    })
    const { isRotated, oldSecretUntil, waitMs } = found(rotation)
    if (isRotated) return { secret, oldSecretUntil }
    const message = 'The previous secret still signs after a recent rotation: wait, or force the rotation'
    throw new WebhooksError('ROTATION_OVERLAP', message, { retryAfterMs: waitMs })
  }

  /** Finds an endpoint that may be sent to. @throws {WebhooksError} `ENDPOINT_NOT_FOUND`, `ENDPOINT_DISABLED` */
  protected async requireEnabled(id: string) {
    const endpoint = found(await this.getEndpoint(id))
    if (endpoint.disabledAt !== null) throw endpointDisabled()
    return endpoint
  }
}

/** Creates the error of an endpoint that must be enabled first. */
export function endpointDisabled() {
  return new WebhooksError('ENDPOINT_DISABLED', 'The endpoint is disabled: enable it first')
}

/** Returns what belongs to an endpoint. @throws {WebhooksError} `ENDPOINT_NOT_FOUND` when there is none */
export function found<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new WebhooksError('ENDPOINT_NOT_FOUND', 'There is no such endpoint')
  return value
}

function requireStorable(id: string) {
  found(isStorable(id) ? id : undefined)
}

function checkDescription(text: string) {
  if (text.length <= MAX_DESCRIPTION && isStorable(text)) return text
  const message = `description must have at most ${MAX_DESCRIPTION} characters and no NUL`
  throw new WebhooksError('INVALID_ENDPOINT', message, { field: 'description' })
}

function checkEventTypes(types: readonly WebhookEventType[] | null) {
  if (types === null || types.length > 0) return types && [...new Set(types)]
  const message = 'event_types must name at least one type, or be null for all'
  throw new WebhooksError('INVALID_ENDPOINT', message, { field: 'event_types' })
}
