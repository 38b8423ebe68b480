import { hash } from 'node:crypto'
import { judge, type Judged, type Line } from '@titan/api/lines'
import {
  MAX_BATCH,
  type AcceptanceRules,
  type AccountFacts,
  type BatchAnswer,
  type PaymentStore,
} from '@titan/payments'
import type { Outcome } from './report.ts'
import type { Entry } from './source.ts'

/** Options of {@link importPayments}. */
export interface ImportOptions {
  readonly store: Pick<PaymentStore, 'createBatch'>
  readonly account: string | undefined
  readonly actor: string
  /** Where payments go; undefined when that is not known. */
  readonly acceptance: AcceptanceRules | undefined
  /** What the account says about gateways. */
  readonly facts: AccountFacts
  /** Whether nothing is stored. */
  readonly isDry: boolean
  /** Ends the import after the lines under way. */
  readonly signal: AbortSignal
}

/** Most keys of a file that a dry run remembers, to find those that come twice. */
const MAX_REMEMBERED = 1_000_000

type Request = Extract<Line, { readonly problem?: undefined }>['request']

/** Stores the payments of a file, 500 at a time, and yields what became of each line, in their order. */
export async function* importPayments(
  entries: AsyncIterable<Entry>,
  options: ImportOptions,
): AsyncGenerator<readonly (Outcome & { readonly request?: Request | undefined })[], void, undefined> {
  const isKnown = options.isDry ? rememberKeys() : undefined
  let lines: Entry[] = []
  for await (const entry of entries) {
    if (options.signal.aborted) return
    lines.push(entry)
    if (lines.length < MAX_BATCH) continue
    yield await settle(lines, options, isKnown)
    lines = []
  }
  if (lines.length > 0) yield await settle(lines, options, isKnown)
}

async function settle(
  lines: readonly Entry[],
  options: ImportOptions,
  disputes: ((request: Request) => boolean) | undefined,
) {
  const { store, account, actor, acceptance, facts, isDry } = options
  await acceptance?.refresh()
  const requests = lines.flatMap(({ read }) =>
    typeof read === 'string' || read.request === undefined ? [] : [read.request],
  )
  const judged = requests.map((request) => judge({ ...request, account, actor }, acceptance, facts))
  const answers = await store.createBatch({
    mode: isDry ? 'none' : 'each',
    lines: judged.map(({ payment, refusal }) => ({ payment, isRefused: refusal !== undefined })),
  })
  const indexes = new Map(requests.map((request, index) => [request, index]))
  return lines.map(({ line, key, read }) => {
    const refused = { line, key, result: 'refused' as const }
    if (typeof read === 'string') return { ...refused, reason: read }
    const { request, problem } = read
    if (request === undefined) return { ...refused, reason: reasonOf(problem) }
    const index = indexes.get(request) ?? 0
    const answer = answers[index] as BatchAnswer
    const isDisputed = disputes?.(request) === true
    const refusal = judged[index]?.refusal
    return {
      line,
      key: request.idempotencyKey,
      request,
      ...outcomeOf(isDisputed ? { kind: 'mismatch' } : answer, refusal),
    }
  })
}

function outcomeOf(
  answer: BatchAnswer,
  refusal: Judged['refusal'],
): Pick<Outcome, 'result' | 'paymentId' | 'reason'> {
  switch (answer.kind) {
    case 'created':
    case 'replayed':
      return { result: answer.kind, paymentId: answer.payment.id }
    case 'withheld':
      return { result: 'valid' }
    case 'mismatch':
      return { result: 'refused', reason: 'idempotency-key-reused: the key belongs to a different request' }
    case 'refused':
      return { result: 'refused', reason: refusal === undefined ? 'schedule-invalid' : reasonOf(refusal) }
  }
}

/** Describes a problem of the API in one line. */
function reasonOf({ code, errors }: NonNullable<Judged['refusal']>): string {
  const faults = errors.map((error) => Object.values(error).join(' ').replace(/^\//, ''))
  return faults.length === 0 ? code : `${code}: ${faults.join('; ')}`
}

/** Returns what tells whether a key came before with another request. */
function rememberKeys(): (request: Request) => boolean {
  const seen = new Map<string, string>()
  return (request) => {
    const { idempotencyKey: key } = request
    const digest = hash('sha256', JSON.stringify(request), 'base64').slice(0, 16)
    const known = seen.get(key)
    if (known === undefined && seen.size < MAX_REMEMBERED) seen.set(key, digest)
    return known !== undefined && known !== digest
  }
}
