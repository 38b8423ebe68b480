// Responses with a 4xx or 5xx status are made only here (RFC 9457).
import { PROBLEMS, type ProblemCode } from './problems.ts'

/** One fault of a request: where it is (`pointer` into the body, or a query `parameter`) and what is wrong. */
export type FieldError =
  | { readonly pointer: string; readonly detail: string }
  | { readonly parameter: string; readonly detail: string }

/** The most faults that one response lists: a request of 16 kB must not become a response of 26 MB. */
export const MAX_FAULTS = 20

/** The longest pointer, parameter name or detail in a response, in characters. */
const MAX_FAULT_TEXT = 256

/** Shortens the texts of a fault, whose length a client controls. */
function cutFault(fault: FieldError): object {
  const cut = (text: string): string =>
    text.length <= MAX_FAULT_TEXT ? text : `${text.slice(0, MAX_FAULT_TEXT - 1)}…`
  return Object.fromEntries(Object.entries(fault).map(([name, text]) => [name, cut(text)]))
}

/** The header of a response after which it is worth asking again in a second. */
export const RETRY_SOON = { 'retry-after': '1' }

/** What may be added to a problem. */
interface ProblemOptions {
  /** What happened this time. Never holds what the client sent. */
  readonly detail?: string | undefined
  /** The faults, one by one; the first {@link MAX_FAULTS} are kept, and long texts are cut. */
  readonly errors?: readonly FieldError[] | undefined
  /** What could be moved instead of an amount that is too high, in minor units. */
  readonly available?: number | undefined
  /** Of a batch: what became of each line. */
  readonly results?: readonly object[] | undefined
  /** Headers of the response, such as Retry-After. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
}

/** An error that becomes the response with this `code`, wherever in a request it is thrown. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly detail: string | undefined
  readonly errors: readonly object[]
  readonly available: number | undefined
  readonly results: readonly object[] | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    { detail, errors = [], available, results, headers = {}, cause }: ProblemOptions = {},
  ) {
    super(detail ?? PROBLEMS[code].title, { cause })
    this.code = code
    this.detail = detail
    this.errors = errors.slice(0, MAX_FAULTS).map(cutFault)
    this.available = available
    this.results = results
    this.headers = headers
  }
}

/** Creates the problem of a limit or an outage that passes: 503, to be tried again in a second. */
export function unavailable(detail?: string, cause?: unknown): Problem {
  return new Problem('unavailable', { detail, headers: RETRY_SOON, cause })
}

/** Returns what was looked up. @throws Problem `code` when there is none */
export function found<Value>(value: Value | undefined, code: ProblemCode): Value {
  if (value === undefined) throw new Problem(code)
  return value
}

/** Describes a problem, apart from the request that it is about. */
export function describeProblem({ code, detail, errors, available }: Problem) {
  const { status, title } = PROBLEMS[code]
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail,
    code,
    errors: errors.length === 0 ? undefined : errors,
    available,
  }
}

/** Makes the `application/problem+json` response of a problem. `instance` is the path, when it is safe to repeat. */
export function renderProblem(problem: Problem, requestId: string, instance?: string): Response {
  const { code, headers, results } = problem
  const { status } = PROBLEMS[code]
  const body = { ...describeProblem(problem), instance, request_id: requestId, results }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'x-request-id': requestId,
      ...headers,
    },
  })
}
