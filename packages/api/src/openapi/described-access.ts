import { scopeOf } from '../middleware/access.ts'
import type { ProblemCode } from '../problem.ts'
import type { HeaderName } from './headers.ts'
import type { Operation } from './operation.ts'

/** Who may call the API that the document tells of. */
export interface DescribedAccess {
  /** Only who has an API key. */
  readonly needsKey: boolean
  /** Not as often as they like. */
  readonly isLimited: boolean
}

/** What that means for one operation. */
export interface OperationAccess {
  /** Undefined: everybody may. */
  readonly security: readonly { readonly apiKey: readonly [scope: string] }[]
  readonly problems: readonly ProblemCode[]
  /** Headers of the answers to requests that count. */
  readonly limitHeaders: readonly HeaderName[]
}

/** How a key is sent. */
export const API_KEY_SCHEME: object = {
  type: 'http',
  scheme: 'bearer',
  description:
    'The token of an API key. Its scope is `read`, `write` (payments) or `admin` (webhook endpoints); each contains the one before.',
}

/** The service's own pages are for everybody, and gateways sign what they send. */
export function accessOf({ tag, method, path }: Operation, described: DescribedAccess): OperationAccess {
  if (tag === 'Service' || tag === 'Gateways') return { security: [], problems: [], limitHeaders: [] }
  const { needsKey, isLimited } = described
  const scope = scopeOf(method.toUpperCase(), path)
  const refusals: readonly ProblemCode[] = [
    ...(['api-key-missing', 'api-key-invalid'] as const),
    // Every key may read.
    ...(scope === 'read' ? [] : (['api-key-scope'] as const)),
  ]
  return {
    security: needsKey ? [{ apiKey: [scope] }] : [],
    problems: [...(needsKey ? refusals : []), ...(isLimited ? (['too-many-requests'] as const) : [])],
    limitHeaders: isLimited ? ['RateLimit', 'RateLimit-Policy'] : [],
  }
}
