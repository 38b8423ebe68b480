import { toJsonSchema, toJsonSchemaDefs, type JsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import { scopeOf } from '../middleware/access.ts'
import { PROBLEMS, type ProblemCode } from '../problem.ts'
import { PAYMENT_SCHEMAS } from '../schemas/payments.ts'
import { SERVICE_SCHEMAS } from '../schemas/service.ts'
import { WEBHOOK_SCHEMAS } from '../schemas/webhooks.ts'
import { HEADERS, REQUEST_HEADERS, type HeaderName, type RequestHeaderName } from './headers.ts'
import { INTRODUCTION, TAGS } from './introduction.ts'
import type { Operation, RequestBody, ResponseSpec } from './operation.ts'

/** Who may call the API, for the document. */
export interface DescribedAccess {
  /** Whether an API key is required. */
  readonly needsKey: boolean
  /** Whether requests are limited. */
  readonly isLimited: boolean
}

const API_KEY_SCHEME = {
  type: 'http',
  scheme: 'bearer',
  description:
    'The token of an API key. Its scope is `read`, `write` (payments) or `admin` (webhook endpoints); each includes the one before.',
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

/** The schemas of response bodies, by name. Those of requests come with their operations. */
const RESPONSE_SCHEMAS = { ...PAYMENT_SCHEMAS, ...WEBHOOK_SCHEMAS, ...SERVICE_SCHEMAS }

const LIMIT_HEADERS: readonly HeaderName[] = ['RateLimit', 'RateLimit-Policy']

/** Makes the OpenAPI 3.1 document of these operations, as plain data. */
export function createDocument(
  operations: readonly Operation[],
  version: string,
  access: DescribedAccess,
): object {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of operations)
    (paths[operation.path] ??= {})[operation.method] = describe(operation, access)
  return {
    openapi: '3.1.1',
    info: {
      title: 'Titan Queue',
      version,
      description: INTRODUCTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '.' }],
    tags: TAGS.filter(({ name }) => operations.some(({ tag }) => tag === name)),
    paths,
    components: {
      ...usedComponents(operations, paths),
      securitySchemes: access.needsKey ? { apiKey: API_KEY_SCHEME } : undefined,
    },
  }
}

/** Returns the schemas and headers that the paths refer to: without webhooks or limits there are fewer. */
function usedComponents(operations: readonly Operation[], paths: object): object {
  const requests = operations.flatMap(({ body }) => (body === undefined ? [] : [[body.name, body.schema]]))
  const named = { ...(Object.fromEntries(requests) as typeof RESPONSE_SCHEMAS), ...RESPONSE_SCHEMAS }
  const schemas = toJsonSchemaDefs(named, {
    target: 'draft-2020-12',
    typeMode: 'input',
    ignoreActions: ['check', 'readonly'],
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
  })
  const text = JSON.stringify({ paths, schemas })
  const used = (kind: string, all: object): object =>
    Object.fromEntries(
      Object.entries(all).filter(([name]) => text.includes(`"#/components/${kind}/${name}"`)),
    )
  return { schemas: used('schemas', schemas), headers: used('headers', HEADERS) }
}

function describe(operation: Operation, access: DescribedAccess): object {
  const { id, tag, summary, description, body } = operation
  const { security, refusals, limitHeaders } = accessOf(operation, access)
  const parameters = parametersOf(operation)
  const problems = [...problemsOf(operation), ...refusals]
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security,
    parameters: parameters.length === 0 ? undefined : parameters,
    requestBody: body && describeBody(body),
    responses: {
      ...Object.fromEntries(
        responsesOf(operation).map((response) => [response.status, describeResponse(response, limitHeaders)]),
      ),
      ...problemResponses(problems, limitHeaders),
    },
  }
}

/** What the document says about the callers of one operation. */
interface OperationAccess {
  readonly security: readonly object[]
  readonly refusals: readonly ProblemCode[]
  readonly limitHeaders: readonly HeaderName[]
}

function accessOf({ tag, method, path }: Operation, access: DescribedAccess): OperationAccess {
  // The pages of the service are public, and gateways sign their requests.
  const isPublic = tag === 'Service' || tag === 'Gateways'
  const refusals: ProblemCode[] = []
  const security: object[] = []
  if (access.needsKey && !isPublic) {
    const scope = scopeOf(method.toUpperCase(), path)
    security.push({ apiKey: [scope] })
    refusals.push('api-key-missing', 'api-key-invalid')
    // Every key may read.
    if (scope !== 'read') refusals.push('api-key-scope')
  }
  if (!access.isLimited || isPublic) return { security, refusals, limitHeaders: [] }
  return { security, refusals: [...refusals, 'too-many-requests'], limitHeaders: LIMIT_HEADERS }
}

/** Lists the problems of an operation, other than refusals of its caller. */
function problemsOf({ tag, path, query, body, problems = [] }: Operation): readonly ProblemCode[] {
  const ofInput = body === undefined ? (query === undefined ? [] : QUERY_PROBLEMS) : BODY_PROBLEMS
  const all: ProblemCode[] = [...ofInput, ...problems, 'headers-too-large']
  // Probes respond without the database; pages respond without it, but count as requests in flight.
  if (tag !== 'Service') all.push('internal-error')
  if (tag !== 'Service' || /^\/(docs|openapi\.json)/.test(path)) all.push('unavailable')
  return all
}

function responsesOf({ responses, isConditional }: Operation): readonly ResponseSpec[] {
  const [first, ...others] = responses
  if (isConditional !== true || first === undefined) return responses
  const headers: readonly HeaderName[] = ['ETag', ...(first.headers ?? [])]
  return [{ ...first, headers }, { status: 304, description: 'Nothing has changed', headers }, ...others]
}

function parametersOf({ path, query, requestHeaders = [], isConditional }: Operation): readonly object[] {
  const headers: readonly RequestHeaderName[] =
    isConditional === true ? [...requestHeaders, 'If-None-Match'] : requestHeaders
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
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema.type === 'date' ? { type: 'string', format: 'date-time' } : undefined,
  })
  return Object.entries(properties).map(([name, property]) => {
    const { description, default: _text, ...schema } = property as JsonSchema
    return { in: 'query', name, description, schema }
  })
}

function describeBody({ name, isOptional, example }: RequestBody): object {
  return { required: isOptional !== true, content: contentOf('application/json', name, { example }) }
}

function describeResponse(
  { description, headers = [], schema, mediaType, example }: ResponseSpec,
  limitHeaders: readonly HeaderName[],
): object {
  const type = mediaType ?? (schema === undefined ? undefined : 'application/json')
  return {
    description,
    headers: headersOf([...headers, ...limitHeaders]),
    content: type === undefined ? undefined : contentOf(type, schema, { example }),
  }
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
  return {
    type: `/problems/${code}`,
    title,
    status,
    code,
    request_id: 'b1c6e9b2-4f0a-4a53-9d0e-6a1f1e2d3c4b',
  }
}

function contentOf(mediaType: string, schema: string | undefined, more: object): object {
  const reference = schema === undefined ? {} : { $ref: `#/components/schemas/${schema}` }
  return { [mediaType]: { schema: reference, ...more } }
}

function headersOf(names: readonly HeaderName[]): object | undefined {
  if (names.length === 0) return undefined
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}
