import { TRANSITIONS } from '@titan/payments'
import type { Breaches } from './finding.ts'
import type { CheckContext, Invariant } from './invariant.ts'
import { breachesOf } from './snapshot.ts'

/** I5: everything has come to its end. */
export const everythingIsSettled: Invariant = {
  id: 'I5',
  title: 'Every payment is final or in review, and no job is left.',
  needs: 'settled',
  check: async (context) => {
    const { snapshot } = context
    const unfinished = await breachesOf(
      snapshot,
      snapshot`select id from payments where status not in ('SUCCESS', 'FAILED') and not needs_review`,
    )
    const jobs = await jobsLeft(context)
    return {
      count: unfinished.count + jobs.count,
      offenders: [...unfinished.offenders, ...jobs.offenders],
    }
  },
}

async function jobsLeft({ view }: CheckContext): Promise<Breaches> {
  if (view === undefined) return { count: 0, offenders: [] }
  const { ready, leased, delayed, parked } = await view.queue.stats()
  const left = Object.entries({ ready, leased, delayed, parked }).filter(([, count]) => count > 0)
  return {
    count: left.reduce((sum, [, count]) => sum + count, 0),
    offenders: left.map(([state, count]) => `${count} ${state} in Redis`),
  }
}

/** I7: the end is the end. */
export const terminalIsFinal: Invariant = {
  id: 'I7',
  title: 'Nothing happens to a payment after SUCCESS or FAILED.',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        select distinct payment_id as id
          from (select payment_id, from_status, lag(to_status) over (partition by payment_id order by seq) as before
                  from payment_events) event
         where before in ('SUCCESS', 'FAILED') or from_status in ('SUCCESS', 'FAILED')`,
    ),
}

/** I8: no failure on a guess. */
export const failureHasEvidence: Invariant = {
  id: 'I8',
  title: 'FAILED has its evidence: the decline, the certainty that nothing was sent, or who canceled.',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        select p.id from payments p
          left join payment_attempts a on a.payment_id = p.id and a.attempt_no = p.attempt_no
         where p.status = 'FAILED'
           and (p.failure_code is null or p.failure_kind is null
                or case
                     when p.failure_kind in ('hard_decline', 'soft_decline', 'operator') then a.outcome is distinct from 'DECLINED'
                     when p.failure_kind = 'not_sent' then a.outcome is distinct from 'NOT_SENT' or a.takeovers > 0
                     else a.payment_id is not null
                   end)
         union
        select payment_id from payment_events where to_status = 'FAILED' and evidence is null`,
    ),
}

/** I16: an older holder writes nothing. */
export const fencesGrow: Invariant = {
  id: 'I16',
  title: 'The fence grows with every claim, and none is beyond the payment’s own.',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        with claim as (
          select payment_id, fence, lag(fence) over (partition by payment_id order by seq) as before
            from (select payment_id, seq, (evidence ->> 'fence')::bigint as fence from payment_events
                   where type in ('payment.processing', 'payment.taken_over')) event
        ), attempt as (
          select payment_id, fence, lag(fence) over (partition by payment_id order by attempt_no) as before
            from payment_attempts
        )
        select payment_id as id from claim where fence is null or fence <= before
         union
        select payment_id from attempt where fence <= before
         union
        select p.id from payments p join claim on claim.payment_id = p.id where claim.fence > p.fence
         union
        select p.id from payments p join payment_attempts a on a.payment_id = p.id where a.fence > p.fence`,
    ),
}

/** I17: the history tells the present. */
export const historyIsWhole: Invariant = {
  id: 'I17',
  title:
    'Events are numbered without gaps, each goes on where the last one ended, and the last is the status.',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        with step as (
          select payment_id, seq, from_status, to_status,
                 row_number() over turn as expected, lag(to_status) over turn as before, lead(seq) over turn is null as is_last
            from payment_events window turn as (partition by payment_id order by seq)
        )
        select payment_id as id from step
         where seq <> expected
            -- What comes after the end is told by the rule about the end.
            or from_status is distinct from before and coalesce(before, '') not in ('SUCCESS', 'FAILED')
         union
        select p.id from payments p left join step on step.payment_id = p.id and step.is_last
         where step.to_status is distinct from p.status or step.seq is distinct from p.event_seq`,
    ),
}

/** The triggers that keep the rules against bugs and hand-written statements. */
const TRIGGERS = [
  'payments_check_insert',
  'payments_check_transition',
  'payments_check_frozen',
  'payments_check_late_charge',
  'payment_attempts_check_insert',
  'payment_attempts_check_update',
  'payment_events_append_only',
]

/** I18: only legal steps, and the database still says so. */
export const transitionsAreLegal: Invariant = {
  id: 'I18',
  title: 'Every transition is legal, and the triggers that refuse others are in force.',
  check: ({ snapshot }) => {
    const legal = [...TRANSITIONS].flatMap(([from, targets]) => targets.map((to) => `${from ?? ''}>${to}`))
    return breachesOf(
      snapshot,
      snapshot`
        select distinct payment_id as id from payment_events
         where coalesce(from_status, '') not in ('SUCCESS', 'FAILED')
           and coalesce(from_status, '') || '>' || to_status <> all(${legal}::text[])
         union
        select 'trigger ' || wanted from unnest(${TRIGGERS}::text[]) as wanted
         where not exists (
           select from pg_trigger
            where tgname = wanted and tgenabled in ('O', 'A')
              and tgrelid in ('payments'::regclass, 'payment_attempts'::regclass, 'payment_events'::regclass))`,
    )
  },
}

/** I19: one clock. */
export const oneClock: Invariant = {
  id: 'I19',
  title: 'Leases and times are by the database’s clock: none from its future, no lease of over a day.',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        select id from payments
         where greatest(created_at, updated_at, unknown_since) > clock_timestamp()
            or lease_until > updated_at + interval '1 day'
            or status in ('PENDING', 'QUEUED') and lease_until is not null
         union
        select payment_id from payment_attempts
         where greatest(created_at, first_sent_at, decided_at) > clock_timestamp()
         union
        select payment_id from payment_events where at > clock_timestamp()`,
    ),
}
