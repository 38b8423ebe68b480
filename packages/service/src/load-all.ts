import { PaymentsError } from '@titan/payments'
import type { Environment } from './settings.ts'

/** What reads one part of the configuration each. */
export type Loaders<Parts> = { readonly [Name in keyof Parts]: (environment: Environment) => Parts[Name] }

/**
 * Reads several parts of the configuration, so that everything that is wrong is told at once.
 *
 * @throws PaymentsError `INVALID_CONFIG` with the issues of all parts
 */
export function loadAll<Parts>(loaders: Loaders<Parts>, environment: Environment): Parts {
  const issues: string[] = []
  const parts: Partial<Parts> = {}
  for (const name in loaders) {
    try {
      parts[name] = loaders[name](environment)
    } catch (error) {
      const found = issuesOf(error)
      if (found === undefined) throw error
      issues.push(...found)
    }
  }
  if (issues.length === 0) return parts as Parts
  throw new PaymentsError('INVALID_CONFIG', `The configuration is not valid: ${issues.join('; ')}`, {
    issues,
  })
}

/** What a package finds wrong with its variables; undefined for any other error. */
function issuesOf(error: unknown): readonly string[] | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'INVALID_CONFIG')) return undefined
  return 'issues' in error && Array.isArray(error.issues) ? error.issues.map(String) : [error.message]
}
