import { PaymentsError } from '@titan/payments'

/** What the dashboard reads from the environment. */
export interface DashboardConfig {
  /** A token that operators share. Undefined: only operators with their own token may act. */
  readonly adminToken: string | undefined
}

const MIN_LENGTH = 32
/** A random token of 32 hexadecimal digits has fewer only once in 25 million. */
const MIN_DISTINCT = 8

/**
 * Reads `DASHBOARD_ADMIN_TOKEN`. An empty variable counts as not set.
 *
 * @throws {PaymentsError} `INVALID_CONFIG` when it is too short or too simple to be a secret
 */
export function loadDashboardConfig(
  environment: Readonly<Record<string, string | undefined>>,
): DashboardConfig {
  const adminToken = environment['DASHBOARD_ADMIN_TOKEN']?.trim() ?? ''
  if (adminToken === '') return { adminToken: undefined }
  const weakness = weaknessOf(adminToken)
  if (weakness === undefined) return { adminToken }
  const issue = `DASHBOARD_ADMIN_TOKEN ${weakness}; make a random one: openssl rand -hex 32`
  throw new PaymentsError('INVALID_CONFIG', `The configuration is not valid:\n  - ${issue}`, {
    issues: [issue],
  })
}

/** What makes a token easy to guess, without quoting it. */
function weaknessOf(token: string): string | undefined {
  if (token.length < MIN_LENGTH) return `must have at least ${MIN_LENGTH} characters, got ${token.length}`
  const distinct = new Set(token).size
  if (distinct < MIN_DISTINCT)
    return `must have at least ${MIN_DISTINCT} different characters, got ${distinct}`
  return /^(.+?)\1+$/s.test(token) ? 'must not repeat one part' : undefined
}
