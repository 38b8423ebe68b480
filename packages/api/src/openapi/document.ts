import { toJsonSchema, toJsonSchemaDefs, type JsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import type { ApiKeyScope } from '../keys/api-key.ts'
import { scopeOf } from '../middleware/access.ts'
import { PROBLEMS, type ProblemCode } from '../problems.ts'
import { INTRODUCTION } from './introduction.ts'
import {
  HEADERS,
  REQUEST_HEADERS,
  TAGS,
  type HeaderName,
  type Operation,
  type ResponseSpec,
} from './operation.ts'
import { EXAMPLES, SCHEMAS } from './schemas.ts'

const LICENSE = { name: 'MIT', identifier: 'MIT' }
const API_KEY_SCHEME = {
  type: 'http',
  scheme: 'bearer',
  description:
    'The token of an API key. Its scope is `read`, `write` (payments) or `admin` (webhook endpoints); each includes the one before.',
}

/** The request that receivers get; each endpoint has its own URL. */
const WEBHOOK = {
  operationId: 'receiveWebhook',
  tags: ['Webhook endpoints'],
  summary: 'Receive an event',
  description:
    'Signed as Standard Webhooks specifies. Verify the bytes of the body before you parse them, respond at once, and ignore a `webhook-id` that you know.',
  security: [],
  parameters: [
    webhookHeader('webhook-id', 'The event: the same in every attempt'),
    webhookHeader('webhook-timestamp', 'When this attempt was signed, in seconds'),
    webhookHeader('webhook-signature', 'One signature for each valid secret, such as v1,K5oZ…'),
  ],
  requestBody: {
    required: true,
    content: contentOf('application/json', 'WebhookPayload', { example: EXAMPLES.WebhookPayload }),
  },
  responses: {
    '2XX': { description: 'Delivered. Anything else is sent again' },
    '410': { description: 'The endpoint is disabled' },
  },
}

function webhookHeader(name: string, description: string) {
  return { in: 'header', name, required: true, description, schema: { type: 'string' } }
}

const QUERY_PROBLEMS: readonly ProblemCode[] = ['validation-failed', 'card-data-not-allowed']
const BODY_PROBLEMS: readonly ProblemCode[] = [
  'malformed-json',
  ...QUERY_PROBLEMS,
  'body-too-large',
  'unsupported-media-type',
]

/** Refusals with these statuses may come before a request counts. */
const UNCOUNTED_STATUSES: ReadonlySet<number> = new Set([401, 403, 431, 500, 503])

/** Responses that say when to try again. */
const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 503])
const RETRY_CODES: ReadonlySet<ProblemCode> = new Set(['request-in-flight', 'webhook-secret-rotating'])

/** Whether callers need a key, whether their requests are limited, and whether events are sent. */
export interface DescribedApi {
  readonly needsKey: boolean
  readonly isLimited: boolean
  readonly sendsWebhooks: boolean
}

/** Makes the OpenAPI 3.1 document of these operations, as plain data. */
export function createDocument(operations: readonly Operation[], version: string, api: DescribedApi) {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations)
    (paths[operation.path] ??= {})[operation.method] = describe(operation, api)
  const webhooks = api.sendsWebhooks ? { event: { post: WEBHOOK } } : undefined
  return {
    openapi: '3.1.1',
    info: { title: 'Titan Queue', version, description: INTRODUCTION, license: LICENSE },
    servers: [{ url: '.' }],
    tags: Object.entries(TAGS)
      .filter(([name]) => operations.some(({ tag }) => tag === name))
      .map(([name, description]) => ({ name, description })),
    paths,
    webhooks,
    components: {
      ...usedComponents(operations, { paths, webhooks }),
      securitySchemes: api.needsKey ? { apiKey: API_KEY_SCHEME } : undefined,
    },
  }
}

/** Returns the schemas and headers that the paths refer to: without webhooks or limits there are fewer. */
function usedComponents(operations: readonly Operation[], users: object) {
  const requests = operations.flatMap(({ body }) => (body === undefined ? [] : [[body.name, body.schema]]))
  const named: Record<string, GenericSchema> = { ...Object.fromEntries(requests), ...SCHEMAS }
  const schemas = toJsonSchemaDefs(named, {
    target: 'draft-2020-12',
    typeMode: 'input',
    ignoreActions: ['check', 'readonly'],
    // An object of texts.
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema.type === 'custom'
        ? { type: 'object', additionalProperties: { type: 'string' } }
        : undefined,
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  })
  const headers = referredTo('headers', HEADERS, users)
  return { schemas: referredTo('schemas', schemas, users), headers }
}

/** Returns the components that `users` refer to, also through each other. */
function referredTo(kind: string, all: object, users: object): object {
  const used: Record<string, object> = {}
  for (let entries: unknown = users; ;) {
    const text = JSON.stringify(entries)
    const found = Object.entries(all).filter(
      ([name]) => !Object.hasOwn(used, name) && text.includes(`"#/components/${kind}/${name}"`),
    )
    if (found.length === 0) return used
    Object.assign(used, Object.fromEntries(found))
    entries = found
  }
}

function describe(operation: Operation, { needsKey, isLimited }: DescribedApi): object {
  const { id, tag, summary, description, method, path, body } = operation
  // The pages of the service are public, and gateways sign their requests.
  const isPublic = tag === 'Service' || tag === 'Gateways'
  const scope = needsKey && !isPublic ? scopeOf(method.toUpperCase(), path) : undefined
  const limitHeaders: readonly HeaderName[] = isLimited && !isPublic ? ['RateLimit', 'RateLimit-Policy'] : []
  const problems = problemsOf(operation, scope)
  if (limitHeaders.length > 0) problems.push('too-many-requests')
  const parameters = parametersOf(operation)
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: scope === undefined ? [] : [{ apiKey: [scope] }],
    parameters: parameters.length === 0 ? undefined : parameters,
    requestBody: body && {
      required: body.isOptional !== true,
      content: contentOf('application/json', body.name, { example: body.example }),
    },
    responses: { ...responsesOf(operation, limitHeaders), ...problemResponses(problems, limitHeaders) },
  }
}

/** Lists the problems of an operation; `scope` is what it requires of a key. */
function problemsOf(
  { tag, path, query, body, problems = [] }: Operation,
  scope: ApiKeyScope | undefined,
): ProblemCode[] {
  const all: ProblemCode[] = [...problems, 'headers-too-large']
  if (body !== undefined) all.unshift(...BODY_PROBLEMS)
  else if (query !== undefined) all.unshift(...QUERY_PROBLEMS)
  // Probes respond without the database; pages respond without it, but count as requests in flight.
  if (tag !== 'Service') all.push('internal-error')
  if (tag !== 'Service' || /^\/(docs|openapi\.json)/.test(path)) all.push('unavailable')
  if (scope !== undefined) all.push('api-key-missing', 'api-key-invalid')
  // Every key may read.
  if (scope !== undefined && scope !== 'read') all.push('api-key-scope')
  return all
}

function parametersOf({ path, query, requestHeaders = [], isConditional = false }: Operation) {
  const headers = isConditional ? [...requestHeaders, 'If-None-Match' as const] : requestHeaders
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      in: 'path',
      name,
      required: true,
      schema: { type: 'string' },
    })),
    ...(query === undefined ? [] : queryParameters(query)),
    ...headers.map((name) => ({ in: 'header', name, ...REQUEST_HEADERS[name] })),
  ]
}

/** Describes the parameters of a query by their meaning: a number instead of its digits. */
function queryParameters(query: GenericSchema): readonly object[] {
  const { properties = {} } = toJsonSchema(query, {
    target: 'draft-2020-12',
    typeMode: 'output',
    ignoreActions: ['check'],
    overrideSchema: ({ valibotSchema: { type } }) => {
      if (type === 'date') return { type: 'string', format: 'date-time' }
      // One pair, written name=value.
      return type === 'record' ? { type: 'string' } : undefined
    },
  })
  return Object.entries(properties).map(([name, property]) => {
    const { description, default: _text, ...schema } = property as JsonSchema
    return { in: 'query', name, description, schema }
  })
}

function responsesOf({ responses, isConditional = false }: Operation, limitHeaders: readonly HeaderName[]) {
  const described: Record<number, object> = {}
  for (const [index, response] of responses.entries()) {
    const { status, description, headers: own = [] } = response
    const isTagged = isConditional && index === 0
    const headers = headersOf([...(isTagged ? ['ETag' as const] : []), ...own, ...limitHeaders])
    described[status] = { description, headers, content: contentOfResponse(response) }
    if (isTagged) described[304] = { description: 'Nothing has changed', headers }
  }
  return described
}

function contentOfResponse({ schema, mediaType = schema && 'application/json', example }: ResponseSpec) {
  const shown = example ?? (schema && EXAMPLES[schema])
  return mediaType && contentOf(mediaType, schema, { example: shown })
}

/** Makes one response for each status, with an example of each of its problems. */
function problemResponses(codes: readonly ProblemCode[], limitHeaders: readonly HeaderName[]): object {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => {
      const headers: HeaderName[] = UNCOUNTED_STATUSES.has(status) ? [] : [...limitHeaders]
      if (RETRY_STATUSES.has(status) || ofStatus.some((code) => RETRY_CODES.has(code)))
        headers.push('Retry-After')
      if (status === 401 || status === 403) headers.push('WWW-Authenticate')
      const examples = Object.fromEntries(ofStatus.map((code) => [code, { value: problemExample(code) }]))
      const response = {
        description: ofStatus.map((code) => `- \`${code}\`: ${PROBLEMS[code].title}`).join('\n'),
        headers: headersOf(headers),
        content: contentOf('application/problem+json', 'Problem', { examples }),
      }
      return [status, response]
    }),
  )
}

function problemExample(code: ProblemCode): object {
  const { status, title } = PROBLEMS[code]
  const requestId = 'b1c6e9b2-4f0a-4a53-9d0e-6a1f1e2d3c4b'
  return { type: `/problems/${code}`, title, status, code, request_id: requestId }
}

function contentOf(mediaType: string, schema: string | undefined, more: object): object {
  const reference = schema === undefined ? {} : { $ref: `#/components/schemas/${schema}` }
  return { [mediaType]: { schema: reference, ...more } }
}

function headersOf(names: readonly HeaderName[]): object | undefined {
  if (names.length === 0) return undefined
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}
