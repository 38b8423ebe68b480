import type { Invariant } from './invariant.ts'
import { isInTime, isOfLedger, withoutOpenBreak } from './scope.ts'
import { breachesOf } from './snapshot.ts'

/** I1: never charged twice. */
export const chargedAtMostOnce: Invariant = {
  id: 'I1',
  title: 'At most one captured charge per payment.',
  needs: 'ledger',
  check: ({ snapshot }) =>
    breachesOf(
      snapshot,
      snapshot`
        select payment_id as id from charge where payment_id is not null group by payment_id having count(*) > 1
         union
        select payment_id from payment_attempts where outcome = 'SUCCEEDED' group by payment_id having count(*) > 1`,
    ),
}

/** I2: SUCCESS means money, and money means SUCCESS. */
export const successIsCharged: Invariant = {
  id: 'I2',
  title: 'SUCCESS stands for one captured charge of equal amount and currency, whose id is stored.',
  needs: 'ledger',
  check: (context) => {
    const { snapshot, hasLedger } = context
    return breachesOf(
      snapshot,
      snapshot`
        select p.id from payments p
          left join payment_attempts a
            on a.payment_id = p.id and a.attempt_no = p.attempt_no and a.outcome = 'SUCCEEDED' and a.gateway_ref = p.gateway_ref
         where p.status = 'SUCCESS' and a.payment_id is null and ${withoutOpenBreak(context)}
           -- An operator took a late charge for the payment's own: its attempt stays declined, the break says why.
           and not exists (
             select from reconciliation_breaks b
              where b.payment_id = p.id and b.kind = 'late_charge' and b.reference = p.gateway_ref)
         union
        select p.id from payments p
         where p.status = 'SUCCESS' and ${hasLedger}::boolean and ${isOfLedger(context)} and ${withoutOpenBreak(context)}
           and not exists (
             select from charge c
              where c.payment_id = p.id and p.gateway_ref in (c.id, c.intent_id)
                and c.amount = p.amount and c.currency = p.currency)
         union
        select p.id from charge c
          join payment_attempts a on a.gateway_key = c.key and a.outcome in ('DECLINED', 'NOT_SENT')
          join payments p on p.id = a.payment_id
         where p.status not in ('SUCCESS', 'FAILED') and ${withoutOpenBreak(context)}`,
    )
  },
}

/** I3: FAILED means no money. */
export const failedIsNotCharged: Invariant = {
  id: 'I3',
  title: 'FAILED stands for no captured charge.',
  needs: 'ledger',
  check: (context) => {
    const { snapshot } = context
    return breachesOf(
      snapshot,
      snapshot`
        select p.id from payments p join charge c on c.payment_id = p.id
         where p.status = 'FAILED' and ${withoutOpenBreak(context)}
         union
        select p.id from payments p join payment_attempts a on a.payment_id = p.id
         where p.status = 'FAILED' and a.outcome = 'SUCCEEDED' and ${withoutOpenBreak(context)}`,
    )
  },
}

/** I4: the two sums, which know nothing of single payments. Charges of unfinished payments are still to come here. */
export const sumsAreEqual: Invariant = {
  id: 'I4',
  title: 'Per currency, the payments in SUCCESS add up to what the gateway captured.',
  needs: 'ledger',
  check: async (context) => {
    const { snapshot, hasLedger } = context
    return breachesOf(
      snapshot,
      snapshot`
        with ours as (
          select currency, sum(amount) as total from payments p
           where status = 'SUCCESS' and ${hasLedger}::boolean and ${isOfLedger(context)} and ${withoutOpenBreak(context)}
           group by currency
        ), theirs as (
          select fact.currency, sum(fact.amount) as total
            from charge fact left join payments p on p.id = fact.payment_id
           where p.id is null and ${isInTime(context)}
              or p.status in ('SUCCESS', 'FAILED') and ${withoutOpenBreak(context)}
           group by fact.currency
        )
        select currency || ' payments ' || coalesce(ours.total, 0) || ', charges ' || coalesce(theirs.total, 0) as id
          from ours full join theirs using (currency)
         where ours.total is distinct from theirs.total`,
    )
  },
}

/** I6, as far as it shows without what clients were told: nothing that speaks of a payment outlives it. */
export const nothingIsLost: Invariant = {
  id: 'I6',
  title: 'Every payment that left a trace, in the history or at the gateway, is there.',
  usesLedger: true,
  check: (context) => {
    const { snapshot } = context
    return breachesOf(
      snapshot,
      snapshot`
        select distinct e.payment_id as id from payment_events e
         where not exists (select from payments p where p.id = e.payment_id)
         union
        select a.payment_id from payment_attempts a
         where not exists (select from payments p where p.id = a.payment_id)
         union
        select fact.payment_id
          from (select payment_id, at from request union all select payment_id, at from charge) fact
         where fact.payment_id is not null and ${isInTime(context)}
           and not exists (select from payments p where p.id = fact.payment_id)`,
    )
  },
}
