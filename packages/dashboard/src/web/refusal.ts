import type { Context } from 'hono'
import * as v from 'valibot'

/** A page that is not shown or an act that is not done, and why. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code = 'REFUSED'
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 503

  constructor(status: Refusal['status'], message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.status = status
  }
}

/** Reads the fields of a form, whose size the server bounds. @throws Refusal 400 when it cannot be read */
export async function readForm(context: Context): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await context.req.parseBody()
  } catch {
    throw new Refusal(400, 'The form could not be read: submit it again')
  }
}

/** Reads the form of an act. @throws Refusal 422 when it does not fit the schema */
export async function parseForm<Output>(
  context: Context,
  schema: v.GenericSchema<unknown, Output>,
): Promise<Output> {
  const form = await readForm(context)
  const isStorable = Object.values(form).every((value) => typeof value === 'string' && !value.includes('\0'))
  if (!isStorable) throw new Refusal(422, 'The form contains a file or a character that cannot be stored')
  const result = v.safeParse(schema, form)
  if (result.success) return result.output
  throw new Refusal(422, result.issues[0]?.message ?? 'The form is incomplete')
}

/** Reads the query of a search. @throws Refusal 400 when it does not fit the schema */
export function parseQuery<Output>(context: Context, schema: v.GenericSchema<unknown, Output>): Output {
  const result = v.safeParse(schema, context.req.query())
  if (result.success) return result.output
  throw new Refusal(400, 'This search is not valid: start from an empty one')
}
