import type { paths } from './openapi.ts'

/** The methods of the API. */
export type Method = 'get' | 'post' | 'patch' | 'delete'

type OperationAt<Path extends keyof paths, M extends Method> = paths[Path][M]
type JsonOf<Part> = Part extends { readonly content: { readonly 'application/json': infer Body } }
  ? Body
  : undefined

/** The query of an operation. */
export type QueryOf<Path extends keyof paths, M extends Method = 'get'> =
  OperationAt<Path, M> extends { readonly parameters: { readonly query?: infer Query } } ? Query : undefined

/** The body of an operation's request. */
export type BodyOf<Path extends keyof paths, M extends Method = 'post'> =
  OperationAt<Path, M> extends { readonly requestBody?: infer Body } ? JsonOf<NonNullable<Body>> : undefined

/** The body of an operation's response. */
export type ResultOf<Path extends keyof paths, M extends Method> =
  OperationAt<Path, M> extends { readonly responses: infer Responses }
    ? { [Status in keyof Responses]: JsonOf<Responses[Status]> }[keyof Responses]
    : never

/** One request, checked against the document. */
export type Call<Path extends keyof paths, M extends Method> = {
  readonly method: M
  /** As the document writes it. */
  readonly path: Path
  readonly query?: QueryOf<Path, M> | undefined
  readonly body?: BodyOf<Path, M> | undefined
  /** The key in the body, which makes a POST safe to repeat. */
  readonly idempotencyKey?: string
  /** Whether a POST without a key may be repeated. @default false */
  readonly isIdempotent?: boolean
} & (Path extends `${string}{${string}` ? WithId : WithoutId)

interface WithId {
  /** Replaces the parameter of the path, of which there is one at most. */
  readonly id: string
}
interface WithoutId {
  readonly id?: undefined
}
