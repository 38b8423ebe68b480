import type { Context } from 'hono'
import { Refusal } from './refusal.ts'

/** Reads the fields of a form, whose size the server bounds. @throws Refusal 400 when it cannot be read */
export async function readForm(context: Context): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await context.req.parseBody()
  } catch {
    throw new Refusal(400, 'The form could not be read: submit it again')
  }
}
