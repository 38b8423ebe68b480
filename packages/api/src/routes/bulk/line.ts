import { containsCardNumber, type PaymentRequest } from '@titan/payments'
import { resolveKey } from '../../http/idempotency-key.ts'
import { readJson } from '../../http/strict-json.ts'
import { validateBody } from '../../http/validate.ts'
import { Problem, type FieldError } from '../../problem.ts'
import { payRequest, requestOf, type PayRequest } from '../../schemas/pay-request.ts'

/** One payment among several, or why it is refused. */
export type Line =
  | { readonly request: PaymentRequest; readonly problem?: undefined }
  | { readonly request?: undefined; readonly problem: Problem }

/** Reads one payment among several by the rules of `POST /pay`; its key is a member. `faults`: what its JSON lost. */
export function readLine(value: unknown, faults: readonly FieldError[] = []): Line {
  try {
    if (textsIn(value).some((text) => containsCardNumber(text))) throw new Problem('card-data-not-allowed')
    if (faults.length > 0) throw new Problem('validation-failed', { errors: faults })
    return { request: readRequest(validateBody(payRequest, value), undefined) }
  } catch (error) {
    if (error instanceof Problem) return { problem: error }
    throw error
  }
}

/** What is changed in a line of a file before it is read as a body. */
interface LineForm {
  /** Members of a line that does not have them. */
  readonly defaults: object
  /** Members that no body has, and that are left out. */
  readonly left: readonly string[]
}

/** Reads a line of JSON by the rules of `POST /pay`. */
export function readJsonLine(text: string, { defaults, left }: LineForm): Line {
  let read: ReturnType<typeof readJson>
  try {
    read = readJson(text)
  } catch {
    return { problem: new Problem('malformed-json') }
  }
  const { value, errors } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return readLine(value, errors)
  const members = Object.entries(value).filter(([name]) => !left.includes(name))
  return readLine({ ...defaults, ...Object.fromEntries(members) }, errors)
}

/** Returns what a body asks for; `header` is the key in the header. @throws Problem */
export function readRequest(
  { idempotency_key: bodyKey, ...given }: PayRequest,
  header: string | undefined,
): PaymentRequest {
  const idempotencyKey = resolveKey(bodyKey, header)
  if (given.return_url !== undefined && given.customer_present !== true) throw needsCustomer()
  return { ...requestOf(given), idempotencyKey }
}

/** Without a present customer the URL would not be used. */
function needsCustomer(): Problem {
  const detail = 'needs "customer_present": true'
  return new Problem('validation-failed', { errors: [{ pointer: '/return_url', detail }] })
}

/** No member is nested deeper, so what lies below is refused anyway. */
const MAX_DEPTH = 16

/** Returns every text of a JSON value, names and numbers included. */
function textsIn(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return []
  return Object.entries(value).flatMap(([name, member]) => [name, ...textsIn(member, depth + 1)])
}
