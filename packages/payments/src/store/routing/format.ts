import * as v from 'valibot'
import { ELSEWHERE_CODES } from '../../domain/declines.ts'
import { PaymentsError } from '../../domain/errors.ts'
import type { RoutingRule } from '../../domain/routing.ts'

const amount = v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)))
const name = v.pipe(v.string(), v.regex(/^[\w.-]{1,100}$/, 'the name of a gateway'))
const unique = (names: string[]): boolean => new Set(names).size === names.length

const rule = v.pipe(
  v.strictObject({
    account: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'the id of an account'))),
    currency: v.optional(v.pipe(v.string(), v.regex(/^[A-Z]{3}$/, 'three capital letters'))),
    min_amount: amount,
    max_amount: amount,
    payment_method: v.optional(
      v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,255}$/, 'the beginning of a token')),
    ),
    gateways: v.pipe(v.array(name), v.minLength(1), v.maxLength(16), v.check(unique, 'each gateway once')),
    declines: v.optional(v.pipe(v.array(v.picklist(ELSEWHERE_CODES)), v.check(unique, 'each code once'))),
  }),
  v.check(
    ({ min_amount: least = 1, max_amount: most = Infinity }) => least <= most,
    'min_amount <= max_amount',
  ),
)

/** Most rules: each payment is compared with all of them. */
const MOST_RULES = 1_000
const rules = v.strictObject({ rules: v.pipe(v.array(rule), v.maxLength(MOST_RULES)) })

/** Reads routing rules as people write them. @throws {PaymentsError} `INVALID_ROUTES` with the first thing that is wrong */
export function parseRoutes(text: string): RoutingRule[] {
  const parsed = v.safeParse(rules, parseJson(text), { abortEarly: true })
  if (!parsed.success) {
    const [issue] = parsed.issues
    throw invalid(`${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`)
  }
  return parsed.output.rules.map(({ min_amount, max_amount, payment_method, ...rest }) => ({
    ...rest,
    minAmount: min_amount,
    maxAmount: max_amount,
    paymentMethod: payment_method,
  }))
}

/** Formats routing rules as {@link parseRoutes} reads them. */
export function formatRoutes(given: readonly RoutingRule[]) {
  const members = given.map(({ minAmount, maxAmount, paymentMethod, gateways, declines, ...rest }) => ({
    ...rest,
    min_amount: minAmount,
    max_amount: maxAmount,
    payment_method: paymentMethod,
    gateways,
    declines,
  }))
  return { rules: members }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(`not JSON: ${(error as Error).message}`)
  }
}

function invalid(message: string): PaymentsError {
  return new PaymentsError('INVALID_ROUTES', message)
}
