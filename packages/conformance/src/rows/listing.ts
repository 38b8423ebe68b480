import type { GatewayRecord, ListRequest } from '@titan/payments'
import { Mismatch, requireType } from '../outcome.ts'
import type { Row } from '../row.ts'
import { requireMoney, type Trial } from '../trial.ts'
import { FAULTS, type Fault } from '../wire/faults.ts'

const DAY_MS = 86_400_000
/** More pages than a check can fill. */
const MAX_PAGES = 1_000

async function listAll(trial: Trial, span: ListRequest): Promise<GatewayRecord[]> {
  const records: GatewayRecord[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await trial.list({ ...span, cursor })
    records.push(...page.records)
    cursor = page.next
    if (cursor === undefined) return records
  }
  throw new Mismatch(`more than ${MAX_PAGES} pages`, 'The last page has no next.')
}

function faultRow(behaviour: string, fault: Fault): Row {
  return {
    behaviour: `list: ${behaviour}`,
    expected: 'rejects',
    advice: 'Throw when the gateway cannot be asked: an empty list says that it has nothing on record.',
    async run(trial) {
      trial.proxy.impose(fault)
      const now = Date.now()
      return trial.rejectedList({ since: new Date(now - DAY_MS), until: new Date(now + DAY_MS) })
    },
  }
}

/** What the gateway's own list says. */
export const LIST_ROWS: readonly Row[] = [
  {
    behaviour: 'list: charges of the last minutes',
    expected: 'each with id, amount and currency',
    advice: 'List all records from since until before until, page by page, amounts in minor units.',
    async run(trial) {
      await trial.optional('list')
      const requests = [1, 2, 3].map(() => trial.newCharge())
      const since = new Date(Date.now() - 300_000)
      const charged = new Map<string, (typeof requests)[number]>()
      for (const request of requests)
        charged.set(requireType(await trial.charge(request), 'SUCCEEDED').gatewayRef, request)
      const records = await listAll(trial, { since, until: new Date(Date.now() + 300_000) })
      for (const [ref, request] of charged) {
        const found = records.find(({ kind, gatewayRef }) => kind === 'charge' && gatewayRef === ref)
        if (found === undefined) throw new Mismatch(`${records.length} records, without the charge ${ref}`)
        requireMoney(found, request)
      }
      return `${charged.size} of ${charged.size} charges`
    },
  },
  {
    behaviour: 'list: a span of time before the charge',
    expected: 'not the charge',
    advice: 'Leave out what was made before since, or at until and later.',
    async run(trial) {
      await trial.optional('list')
      const { gatewayRef } = requireType(await trial.charge(trial.newCharge()), 'SUCCEEDED')
      const until = new Date(Date.now() - DAY_MS)
      const records = await listAll(trial, { since: new Date(until.getTime() - DAY_MS), until })
      if (records.some((record) => record.gatewayRef === gatewayRef)) throw new Mismatch('the charge')
      return 'not the charge'
    },
  },
  faultRow('connection reset', FAULTS.resetAfter),
  faultRow('status 500 with JSON', FAULTS.error500),
  faultRow('status 200 with HTML', FAULTS.html),
  faultRow('status 200 with an empty object', FAULTS.emptyObject),
  faultRow('half of the JSON', FAULTS.truncated),
]
