import type { RoutingRule } from '../../domain/routing.ts'
import type { Database, Queryable } from '../database.ts'
import { statement } from '../statements.ts'

type RuleRow = { readonly [Member in keyof RoutingRule]-?: RoutingRule[Member] | null }

const read = statement<RuleRow & Pick<RoutingRule, 'gateways'>>('read_routes')
const replace = statement('replace_routes')

/** Reads the routing rules in their order. */
export async function readRoutes(sql: Queryable): Promise<RoutingRule[]> {
  const rows = await read(sql, {})
  return rows.map((row) => {
    const members = Object.entries(row).filter(([, value]) => value !== null)
    return Object.fromEntries(members) as unknown as RoutingRule
  })
}

/** Replaces all routing rules at once. */
export async function replaceRoutes(sql: Database, rules: readonly RoutingRule[]): Promise<void> {
  await replace(sql, { rules: JSON.stringify(rules) })
}
