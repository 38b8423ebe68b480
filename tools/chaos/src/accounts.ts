import { createApiKeyStore } from '@titan/api/keys'
import type { Database } from '@titan/payments'

/** An account that payments are of, and its API key; no key where none is required. */
export interface ClientAccount {
  readonly id: string
  readonly token: string | undefined
}

/** Creates accounts, of which `default` is one, each with an API key; for one account there is nothing to create. */
export async function createAccounts(sql: Database, count: number): Promise<readonly ClientAccount[]> {
  if (count === 1) return [{ id: 'default', token: undefined }]
  const ids = Array.from({ length: count }, (_, index) => (index === 0 ? 'default' : `merchant-${index}`))
  await sql`insert into accounts ${sql(ids.map((id) => ({ id, name: id })))} on conflict do nothing`
  const keys = createApiKeyStore(sql)
  return Promise.all(
    ids.map(async (id) => {
      const { token } = await keys.create({ name: 'chaos', scope: 'write', account: id })
      return { id, token }
    }),
  )
}
