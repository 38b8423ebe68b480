import { FaultySetting, optionalText, settingsGroup } from '@titan/service'

const MIN_LENGTH = 32
/** A random token of 32 hexadecimal digits has fewer only once in 25 million. */
const MIN_DISTINCT = 8

const names = {
  env: 'DASHBOARD_ADMIN_TOKEN',
  about: `Shared token for operators of the dashboard, at least ${MIN_LENGTH} random characters. It does not identify a person: prefer titan operators create.`,
}

/** What the dashboard reads from the environment. */
export interface DashboardConfig {
  /** A token that operators share. Undefined: only operators with their own token may act. */
  readonly adminToken: string | undefined
}

/** The settings of the dashboard. */
export const dashboardSettings = settingsGroup<DashboardConfig, DashboardConfig>(
  { adminToken: { ...optionalText(names, { form: /./, rule: 'a token' }), parse: checkedToken } },
  (config) => config,
  'Dashboard',
)

/** @throws FaultySetting when the token is easy to guess, without quoting it */
function checkedToken(token: string): string {
  const distinct = new Set(token).size
  const weakness =
    (token.length < MIN_LENGTH && `must have at least ${MIN_LENGTH} characters, got ${token.length}`) ||
    (distinct < MIN_DISTINCT && `must have at least ${MIN_DISTINCT} different characters, got ${distinct}`) ||
    (/^(.+?)\1+$/s.test(token) && 'must not repeat one part')
  if (!weakness) return token
  throw new FaultySetting(`${weakness}; make a random one: openssl rand -hex 32`)
}
