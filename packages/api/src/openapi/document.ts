import type { JsonSchema } from '@valibot/to-json-schema'
import { PROBLEMS, type ProblemCode } from '../problem.ts'
import { componentSchemas, queryParameters, schemaRef, type ComponentName } from './components.ts'
import { accessOf, API_KEY_SCHEME, type DescribedAccess } from './described-access.ts'
import { HEADERS, REQUEST_HEADERS, type HeaderName } from './headers.ts'
import { INTRODUCTION, TAGS } from './introduction.ts'
import type { Answer, Operation, OperationBody } from './operation.ts'

/** What any route of payments and webhooks may answer. */
const COMMON_PROBLEMS: readonly ProblemCode[] = ['headers-too-large', 'internal-error', 'unavailable']

const PAGES = /^\/(docs|openapi\.json)/

/** These may be answered before a request counts. */
const UNCOUNTED_STATUSES: ReadonlySet<number> = new Set([401, 403, 431, 500, 503])

const REQUEST_ID = 'b1c6e9b2-4f0a-4a53-9d0e-6a1f1e2d3c4b'

/** Answers that tell when to come back. */
const PATIENT_STATUSES: ReadonlySet<number> = new Set([429, 503])
const PATIENT_CODES: ReadonlySet<ProblemCode> = new Set(['request-in-flight', 'webhook-secret-rotating'])

/** An OpenAPI 3.1 document, as plain data. */
export type OpenApiDocument = Readonly<Record<string, unknown>> & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Makes the document of these operations. */
export function createDocument(
  operations: readonly Operation[],
  version: string,
  access: DescribedAccess,
): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of operations) {
    const item = (paths[operation.path] ??= {})
    item[operation.method] = describe(operation, access)
  }
  const tags = TAGS.filter(({ name }) => operations.some(({ tag }) => tag === name))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Titan Queue',
      version,
      description: INTRODUCTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '.' }],
    tags,
    paths,
    components: {
      ...usedComponents(paths),
      ...(access.needsKey ? { securitySchemes: { apiKey: API_KEY_SCHEME } } : {}),
    },
  }
}

/** The schemas and headers that the paths refer to: a document without webhooks or limits needs fewer. */
function usedComponents(paths: object): object {
  const schemas = componentSchemas()
  const text = JSON.stringify({ paths, schemas })
  const used = (kind: string, all: Readonly<Record<string, unknown>>): object =>
    Object.fromEntries(
      Object.entries(all).filter(([name]) => text.includes(`"#/components/${kind}/${name}"`)),
    )
  return { schemas: used('schemas', schemas), headers: used('headers', HEADERS) }
}

function describe(operation: Operation, access: DescribedAccess): object {
  const { id, tag, summary, description, body, answers } = operation
  const { security, problems, limitHeaders } = accessOf(operation, access)
  const parameters = parametersOf(operation)
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: describeBody(body) }),
    responses: {
      ...Object.fromEntries(answers.map((answer) => [answer.status, describeAnswer(answer, limitHeaders)])),
      ...problemResponses([...operation.problems, ...problems, ...commonOf(operation)], limitHeaders),
    },
  }
}

/** The probes and pages of the service answer without the database; the pages count as requests in flight. */
function commonOf({ tag, path }: Operation): readonly ProblemCode[] {
  if (tag !== 'Service') return COMMON_PROBLEMS
  return PAGES.test(path) ? ['headers-too-large', 'unavailable'] : ['headers-too-large']
}

function parametersOf({ path, query, headers = [] }: Operation): object[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    in: 'path',
    name,
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = query === undefined ? [] : queryParameters(query)
  return [
    ...inPath,
    ...inQuery.map(({ name, schema: { description, default: _text, ...schema } }) => ({
      in: 'query',
      name,
      ...(description === undefined ? {} : { description }),
      schema,
    })),
    ...headers.map((name) => ({ in: 'header', name, schema: { type: 'string' }, ...REQUEST_HEADERS[name] })),
  ]
}

function describeBody({ schema, isRequired = true, example }: OperationBody): object {
  return { required: isRequired, content: contentOf('application/json', schema, { example }) }
}

function describeAnswer(
  { description, headers = [], schema, mediaType, example }: Answer,
  limitHeaders: readonly HeaderName[],
): object {
  const type = mediaType ?? (schema === undefined ? undefined : 'application/json')
  return {
    description,
    ...headersOf([...headers, ...limitHeaders]),
    ...(type === undefined
      ? {}
      : { content: contentOf(type, schema, example === undefined ? {} : { example }) }),
  }
}

/** One response for each status, with an example of each of its problems. */
function problemResponses(
  codes: readonly ProblemCode[],
  limitHeaders: readonly HeaderName[],
): Record<string, object> {
  const statuses = new Map<number, ProblemCode[]>()
  for (const code of codes) {
    const { status } = PROBLEMS[code]
    statuses.set(status, [...(statuses.get(status) ?? []), code])
  }
  const responses = [...statuses].map(([status, ofStatus]) => [
    status,
    problemResponse(status, ofStatus, UNCOUNTED_STATUSES.has(status) ? [] : limitHeaders),
  ])
  return Object.fromEntries(responses) as Record<string, object>
}

function problemResponse(
  status: number,
  codes: readonly ProblemCode[],
  limitHeaders: readonly HeaderName[],
): object {
  const isPatient = PATIENT_STATUSES.has(status) || codes.some((code) => PATIENT_CODES.has(code))
  const examples = Object.fromEntries(codes.map((code) => [code, { value: problemExample(code) }]))
  return {
    description: codes.map((code) => `- \`${code}\`: ${PROBLEMS[code].title}`).join('\n'),
    ...headersOf([
      ...(isPatient ? (['Retry-After'] as const) : []),
      ...(status === 401 || status === 403 ? (['WWW-Authenticate'] as const) : []),
      ...limitHeaders,
    ]),
    content: contentOf('application/problem+json', 'Problem', { examples }),
  }
}

function problemExample(code: ProblemCode): object {
  const { status, title } = PROBLEMS[code]
  return { type: `/problems/${code}`, title, status, code, request_id: REQUEST_ID }
}

function contentOf(mediaType: string, schema: ComponentName | undefined, more: object): object {
  const reference: JsonSchema = schema === undefined ? {} : schemaRef(schema)
  return { [mediaType]: { schema: reference, ...more } }
}

function headersOf(names: readonly HeaderName[]): object {
  if (names.length === 0) return {}
  return {
    headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
  }
}
