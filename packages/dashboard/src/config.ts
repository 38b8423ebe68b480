import { PaymentsError } from '@titan/payments'

/** What the dashboard reads from the environment. */
export interface DashboardConfig {
  /** Undefined: nobody may act. */
  readonly adminToken: string | undefined
}

const MIN_TOKEN = 32

/**
 * Reads `DASHBOARD_ADMIN_TOKEN`. An empty variable counts as not set.
 *
 * @throws {PaymentsError} `INVALID_CONFIG` when it is too short to be a secret
 */
export function loadDashboardConfig(
  environment: Readonly<Record<string, string | undefined>>,
): DashboardConfig {
  const adminToken = environment['DASHBOARD_ADMIN_TOKEN']?.trim() ?? ''
  if (adminToken === '') return { adminToken: undefined }
  if (adminToken.length >= MIN_TOKEN) return { adminToken }
  const issue = `DASHBOARD_ADMIN_TOKEN must have at least ${MIN_TOKEN} characters`
  throw new PaymentsError('INVALID_CONFIG', `The configuration is not valid:\n  - ${issue}`, {
    issues: [issue],
  })
}
