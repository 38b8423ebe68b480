import type { Invariant } from './invariant.ts'
import { CLOCK_TOLERANCE_MS, isInTime } from './scope.ts'
import { breachesOf } from './snapshot.ts'

/** I9: a new key only after the gateway has burned the one before. */
export const attemptsFollowDeclines: Invariant = {
  id: 'I9',
  title: 'Attempts count up from 1, each after the gateway declined the one before; one is open at a time.',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        select payment_id as id
          from (select payment_id, attempt_no, created_at, row_number() over turn as expected,
                       lag(outcome) over turn as outcome_before, lag(decided_at) over turn as decided_before
                  from payment_attempts window turn as (partition by payment_id order by attempt_no)) attempt
         where attempt_no <> expected
            or expected > 1 and (outcome_before is distinct from 'DECLINED' or decided_before > created_at)
         union
        select p.id from payments p
          left join (select payment_id, max(attempt_no) as latest, bool_or(outcome is null) as is_open
                       from payment_attempts group by payment_id) a on a.payment_id = p.id
         where p.attempt_no <> coalesce(a.latest, 0) or p.attempt_open <> coalesce(a.is_open, false)`,
    ),
}

/** I10: the key is known before the gateway is. */
export const keysAreDerived: Invariant = {
  id: 'I10',
  title: 'The gateway key is a function of payment and attempt, committed before the first byte was sent.',
  usesLedger: true,
  check: (context) => {
    const { snapshot } = context
    return breachesOf(
      snapshot,
      snapshot`
        select payment_id as id from payment_attempts
         where gateway_key <> 'titan_' || payment_id || '_' || attempt_no
         union
        select p.id from request fact
          join payments p on p.id = fact.payment_id
          left join payment_attempts a on a.gateway_key = fact.key
         where ${isInTime(context)}
           and (a.payment_id is distinct from p.id
                or fact.at < a.created_at - ${CLOCK_TOLERANCE_MS}::float8 * interval '1 millisecond')`,
    )
  },
}

/** I11: what is sent under a key never changes. */
export const parametersAreFrozen: Invariant = {
  id: 'I11',
  title: 'Amount and currency under a gateway key never change.',
  usesLedger: true,
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        select p.id from payment_attempts a join payments p on p.id = a.payment_id
         where (a.amount, a.currency) is distinct from (p.amount, p.currency)
         union
        select a.payment_id from request r join payment_attempts a on a.gateway_key = r.key
         where (r.amount, r.currency) is distinct from (a.amount, a.currency)
         union
        select key from mismatch`,
    ),
}

/** I12: a key that the gateway may have forgotten is not repeated. */
export const keysAreFresh: Invariant = {
  id: 'I12',
  title: 'No gateway key is sent again when its shelf life is over.',
  needs: 'ledger',
  check: ({ snapshot, keyTtlMs }) =>
    breachesOf(
      snapshot,
      snapshot`
        select key as id from request where key is not null
         group by key having max(at) - min(at) > ${keyTtlMs}::float8 * interval '1 millisecond'`,
    ),
}

/** I13: the budget. */
export const retriesAreBounded: Invariant = {
  id: 'I13',
  title: 'Retries stay within their budget, and a hard decline gets none.',
  check: ({ snapshot, maxRetries }) =>
    breachesOf(
      snapshot,
      snapshot`
        select id from payments where retries > ${maxRetries}::int or attempt_no > retries + 1
         union
        select payment_id from payment_events where type = 'payment.retrying' and evidence ->> 'kind' = 'hard'`,
    ),
}
