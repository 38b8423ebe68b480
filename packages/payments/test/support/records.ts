import type { Gateway, GatewayRecord } from '../../src/index.ts'

/** Lists all pages of a span; every time by default. */
export async function listAll(
  gateway: Gateway,
  span = { since: new Date(0), until: new Date('2100-01-01') },
): Promise<GatewayRecord[]> {
  const { signal } = new AbortController()
  const records: GatewayRecord[] = []
  let cursor: string | undefined
  do {
    const page = await gateway.list?.({ ...span, cursor }, { signal })
    records.push(...(page?.records ?? []))
    cursor = page?.next
  } while (cursor !== undefined)
  return records
}
