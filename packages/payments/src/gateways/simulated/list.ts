import type { ListRequest, MoneyRecord, MoneyStatus, RecordPage } from '../records.ts'
import type { Intent, SimulatedRefund, SimulatedServer } from './server.ts'

/** Records of a page, as Stripe has it. */
const PAGE = 100

const STATUSES: Readonly<Record<Intent['status'], MoneyStatus>> = {
  questioned: 'pending',
  authorized: 'authorized',
  charged: 'succeeded',
  canceled: 'canceled',
}

/** Lists charges and refunds that are remembered, oldest first. */
export function listSimulated(
  server: Pick<SimulatedServer, 'intents' | 'refunds'>,
  { since, until, cursor = '0' }: ListRequest,
): RecordPage {
  const from = Number(cursor)
  const found = [...server.intents()]
    .map(chargeRecord)
    .concat(server.refunds.map(refundRecord))
    .filter(({ at }) => at >= since && at < until)
    .toSorted((a, b) => a.at.getTime() - b.at.getTime() || (a.gatewayRef < b.gatewayRef ? -1 : 1))
  const next = found.length > from + PAGE ? String(from + PAGE) : undefined
  return { records: found.slice(from, from + PAGE), next }
}

function chargeRecord({ id, gatewayKey, currency, ...intent }: Intent): MoneyRecord {
  const amount = intent.status === 'charged' ? intent.captured : intent.amount
  const at = new Date(intent.madeAt)
  return { kind: 'charge', gatewayRef: id, gatewayKey, amount, currency, status: STATUSES[intent.status], at }
}

function refundRecord({ id, gatewayKey, chargeId, amount, currency, at }: SimulatedRefund): MoneyRecord {
  const facts = { gatewayRef: id, gatewayKey, chargeRef: chargeId, amount, currency }
  return { kind: 'refund', ...facts, status: 'succeeded', at: new Date(at) }
}
