import type { Context, Hono } from 'hono'
import { getPath } from 'hono/utils/url'
import type { GenericSchema } from 'valibot'
import { readBody, readOptionalBody } from '../http/body.ts'
import type { AppEnv } from '../http/env.ts'
import { validateQuery } from '../http/validate.ts'
import type { Operation, RequestBody, Tag } from '../openapi/operation.ts'

/** One route: its description, and what it does with the services that it needs. */
export interface Route<Services> extends Operation {
  handle(context: Context<AppEnv>, services: Services): Response | Promise<Response>
}

/** A route whose handler gets the validated query or body. No route has both. */
interface RouteSpec<Services, Input> extends Omit<Operation, 'method' | 'path' | 'tag' | 'query' | 'body'> {
  readonly query?: GenericSchema<unknown, Input>
  readonly body?: RequestBody<Input>
  handle(context: Context<AppEnv>, services: Services, input: Input): Response | Promise<Response>
}

/** Declares routes of one group, each once: the schema in its description is the one that validates. */
export function routesOf<Services>(tag: Tag) {
  const declare =
    (method: Operation['method']) =>
    <Input>(path: string, spec: RouteSpec<Services, Input>): Route<Services> => ({
      ...spec,
      method,
      path,
      tag,
      handle: readingInput(spec),
    })
  return { get: declare('get'), post: declare('post'), patch: declare('patch'), delete: declare('delete') }
}

function readingInput<Services, Input>({
  query,
  body,
  handle,
}: RouteSpec<Services, Input>): Route<Services>['handle'] {
  if (body !== undefined) {
    const read = body.isOptional === true ? readOptionalBody : readBody
    return async (context, services) => handle(context, services, await read(context, body.schema))
  }
  if (query !== undefined)
    return (context, services) =>
      handle(context, services, validateQuery(query, new URL(context.req.url).searchParams))
  return (context, services) => handle(context, services, undefined as Input)
}

/** Mounts routes on an application. */
export function mountRoutes<Services>(
  app: Hono<AppEnv>,
  routes: readonly Route<Services>[],
  services: Services,
): void {
  for (const { method, path, handle } of routes)
    app.on(method.toUpperCase(), patternOf(path), (context) => handle(context, services))
}

/**
 * Paths with a word where others have a parameter. Hono's fast router takes no such pair, so they are routed as one segment,
 * with a space, which the path of a request cannot have.
 */
const BESIDE_PARAMETERS: ReadonlyMap<string, string> = new Map(
  ['/payments/batch', '/payments/export', '/payments/summary', '/refunds/export'].map((path) => [
    path,
    path.replace(/\/(?=\w+$)/, ' '),
  ]),
)

/** Returns the path by which a request is routed. */
export function routedPath(request: Request): string {
  const path = getPath(request)
  return BESIDE_PARAMETERS.get(path) ?? path
}

/** Returns the path of a route as it is documented, for metrics and traces. */
export function shownPath(routed: string): string {
  return routed.replace(' ', '/')
}

/** Returns Hono's form of a path: `/payments/{payment_id}` is `/payments/:id`, as metrics and traces name it. */
function patternOf(path: string): string {
  return BESIDE_PARAMETERS.get(path) ?? path.replaceAll(/\{(?:\w+_)?(\w+)\}/g, ':$1')
}

/** Returns a parameter of the path that matched. */
export function pathParameter(context: Context<AppEnv>, name: string): string {
  return context.req.param(name) ?? ''
}
