import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { expect } from 'vitest'

/** What the tests read of an OpenAPI document. */
export interface Document {
  readonly openapi: string
  readonly info: object
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>
    readonly securitySchemes?: Readonly<Record<string, object>>
  }
}
interface DocumentOperation {
  readonly operationId: string
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly {
    readonly in: string
    readonly name: string
    readonly required?: boolean
    readonly schema: { readonly type?: string }
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<
    Record<string, { readonly headers?: Readonly<Record<string, unknown>>; readonly content?: Content }>
  >
}
type Content = Readonly<Record<string, MediaType>>
interface MediaType {
  readonly schema: object
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

/** A document that answers are held against. */
export interface Contract {
  readonly operations: readonly { readonly id: string; readonly method: string; readonly path: string }[]
  /** Fails the test unless the answer is one that the operation has: status, media type, body and headers. */
  check(id: string, response: Response): Promise<{ readonly status: number; readonly body: unknown }>
  /** The statuses that were checked so far, in order. */
  seen(id: string): readonly number[]
  /** The examples that do not fit their schema, with what is wrong. */
  faultyExamples(): readonly string[]
}

/** Headers that mean something to a client; an answer may carry only those that are documented. */
function tellingOf(status: number): readonly string[] {
  const limits = ['ratelimit', 'ratelimit-policy']
  return status < 400
    ? ['etag', 'idempotent-replayed', 'link', 'location', 'retry-after', ...limits]
    : ['retry-after', 'www-authenticate', ...limits]
}

/** Reads a document; members that it does not know are a fault of the answer. */
export function openContract(document: Document): Contract {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema({ $id: 'document', components: close(document.components) as object })
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      ...operation,
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
    })),
  )
  const seen = new Map<string, Set<number>>()

  function faultsOf(schema: object, value: unknown): string | undefined {
    const { $ref } = schema as { readonly $ref?: string }
    const isValid = ajv.validate($ref === undefined ? schema : { $ref: `document${$ref}` }, value)
    return isValid ? undefined : ajv.errorsText()
  }

  return {
    operations: operations.map(({ id, method, path }) => ({ id, method, path })),
    seen: (id) => [...(seen.get(id) ?? [])].toSorted((one, other) => one - other),
    async check(id, response) {
      const { status, headers } = response
      const described = operations.find((operation) => operation.id === id)?.responses[status]
      const text = await response.text()
      expect(described, `${id} is not said to answer ${status}: ${text}`).toBeDefined()
      const documented = Object.keys(described?.headers ?? {}).map((name) => name.toLowerCase())
      expect(documented).toEqual(
        expect.arrayContaining(tellingOf(status).filter((name) => headers.has(name))),
      )

      const type = headers.get('content-type')?.split(';')[0] ?? ''
      const [[documentedType, media] = ['', undefined]] = Object.entries(described?.content ?? {})
      expect(type, `${id} ${status}`).toContain(documentedType.replace('*', ''))
      const body: unknown = type.endsWith('json') ? JSON.parse(text) : text
      if (media !== undefined)
        expect(faultsOf(media.schema, body), `${id} ${status}: ${text}`).toBeUndefined()
      seen.set(id, (seen.get(id) ?? new Set()).add(status))
      return { status, body }
    },
    faultyExamples: () =>
      operations.flatMap(({ id, requestBody, responses }) =>
        [requestBody, ...Object.values(responses)].flatMap((part) =>
          Object.values(part?.content ?? {}).flatMap(({ schema, example, examples = {} }) =>
            [example, ...Object.values(examples).map(({ value }) => value)]
              .filter((value) => value !== undefined)
              .map((value) => faultsOf(schema, value))
              .filter((fault) => fault !== undefined)
              .map((fault) => `${id}: ${fault}`),
          ),
        ),
      ),
  }
}

/** The schemas with every object closed, so that a member which is not documented is found. */
function close(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(close)
  if (typeof schema !== 'object' || schema === null) return schema
  const closed = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, close(value)]))
  return 'properties' in closed && closed['type'] === 'object'
    ? { additionalProperties: false, ...closed }
    : closed
}
