import { FaultySetting, optionalText, settingsGroup, type Setting, type SettingsGroup } from '@titan/service'

/** What the dashboard reads from the environment. */
export interface DashboardConfig {
  /** A token that operators share. Undefined: only operators with their own token may act. */
  readonly adminToken: string | undefined
}

const MIN_LENGTH = 32
/** A random token of 32 hexadecimal digits has fewer only once in 25 million. */
const MIN_DISTINCT = 8

const adminToken: Setting<string | undefined> = {
  ...optionalText(
    {
      env: 'DASHBOARD_ADMIN_TOKEN',
      about: `Shared token for operators of the dashboard, at least ${MIN_LENGTH} random characters. It does not identify a person: prefer titan operators create.`,
    },
    { form: /./, rule: 'a token' },
  ),
  parse(token) {
    const weakness = weaknessOf(token)
    if (weakness === undefined) return token
    throw new FaultySetting(`${weakness}; make a random one: openssl rand -hex 32`)
  },
}

/** The settings of the dashboard. */
export const dashboardSettings: SettingsGroup<DashboardConfig> = settingsGroup(
  { adminToken },
  (config) => config,
  'Dashboard',
)

/** Returns what makes a token easy to guess, without quoting it. */
function weaknessOf(token: string): string | undefined {
  if (token.length < MIN_LENGTH) return `must have at least ${MIN_LENGTH} characters, got ${token.length}`
  const distinct = new Set(token).size
  if (distinct < MIN_DISTINCT)
    return `must have at least ${MIN_DISTINCT} different characters, got ${distinct}`
  return /^(.+?)\1+$/s.test(token) ? 'must not repeat one part' : undefined
}
