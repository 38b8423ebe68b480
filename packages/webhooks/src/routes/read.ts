import type { Context } from 'hono'
import * as v from 'valibot'
import { WebhookProblem, type FieldError } from './problems.ts'

/** Reads and checks a JSON body. An empty one is taken for `{}` where everything may be left out. */
export type ReadBody = <Output>(context: Context, schema: v.GenericSchema<unknown, Output>) => Promise<Output>

/** The largest body that is read, in bytes. */
export const MAX_BODY_BYTES: number = 16 * 1024
const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i

/** @throws {WebhookProblem} `unsupported-media-type`, `malformed-json` or `validation-failed` */
export const readJsonBody: ReadBody = async (context, schema) => {
  const encoding = context.req.header('content-encoding') ?? 'identity'
  if (encoding !== 'identity' || !JSON_TYPE.test(context.req.header('content-type') ?? ''))
    throw new WebhookProblem('unsupported-media-type', { headers: { accept: 'application/json' } })
  const result = v.safeParse(schema, parse(await context.req.arrayBuffer()))
  if (result.success) return result.output
  throw new WebhookProblem('validation-failed', {
    errors: result.issues.map((issue) => ({
      pointer: (issue.path ?? []).map(({ key }) => `/${escape(String(key))}`).join(''),
      detail: detailOf(issue),
    })),
  })
}

function parse(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new WebhookProblem('malformed-json')
  }
}

/** RFC 6901. */
function escape(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Whether the client sent a body at all. */
export function hasBody(context: Context): boolean {
  const length = context.req.header('content-length')
  return length === undefined ? context.req.header('transfer-encoding') !== undefined : length !== '0'
}

/** Checks the query. @throws {WebhookProblem} `validation-failed` with the name of each parameter at fault */
export function readQuery<Output>(context: Context, schema: v.GenericSchema<unknown, Output>): Output {
  const query = new URL(context.req.url).searchParams
  const errors: FieldError[] = [...new Set(query.keys())]
    .filter((name) => query.getAll(name).length > 1)
    .map((parameter) => ({ parameter, detail: 'is given twice' }))
  const result = v.safeParse(schema, Object.fromEntries(query))
  if (result.success && errors.length === 0) return result.output
  for (const issue of result.issues ?? [])
    errors.push({ parameter: v.getDotPath(issue) ?? '', detail: detailOf(issue) })
  throw new WebhookProblem('validation-failed', { errors })
}

/** Our own words: valibot's standard ones for a missing or unknown member would quote the input. */
function detailOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type !== 'strict_object' || issue.path === undefined) return issue.message
  return issue.expected === 'never' ? 'is not a known member' : 'is required'
}
