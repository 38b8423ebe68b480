-- Events are numbered without gaps, each continues where the last one ended, and the last is the status.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      A transition and its event are written by one statement. A step after the end is a breach of I07. Programs from
--          before captures, voids and refunds name the queueing of one as that of a payment.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Find out who wrote to the table, and restore
--          the value from a backup.
\set after ''
\set until ''

with step as (
  select payment_id, seq, type, from_status, to_status, lag(seq, 1, 0) over turn as seq_before,
         lag(to_status) over turn as before, lead(seq) over turn is null as is_last
    from payment_history
   where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
  window turn as (partition by payment_id order by seq)
)
select distinct payment_id as subject, 'an event is missing or out of turn' as detail
  from step
 where seq <> seq_before + 1
    or from_status is distinct from before and coalesce(before, '') not in ('SUCCESS', 'FAILED')
 union all
select distinct payment_id, 'an event of a type that does not lead to its status'
  from step
 where case split_part(type, '.', 2)
         when 'created' then to_status <> 'PENDING' or from_status is not null
         when 'queued' then to_status <> 'QUEUED'
         when 'retrying' then to_status <> 'QUEUED'
         when 'processing' then to_status <> 'PROCESSING'
         when 'taken_over' then to_status <> 'PROCESSING'
         when 'unknown' then to_status <> 'PROCESSING'
         when 'needs_review' then to_status <> 'PROCESSING'
         when 'waiting' then to_status <> 'PROCESSING'
         when 'authorized' then to_status <> 'PROCESSING'
         when 'requires_action' then to_status <> 'PROCESSING'
         when 'succeeded' then to_status <> 'SUCCESS'
         when 'failed' then to_status <> 'FAILED' and (type, from_status, to_status) is distinct from ('refund.failed', 'SUCCESS', 'SUCCESS')
         when 'requeued' then to_status is distinct from from_status
         when 'opened' then to_status is distinct from from_status
         when 'updated' then to_status is distinct from from_status
         when 'closed' then to_status is distinct from from_status
         else to_status in ('SUCCESS', 'FAILED')
       end
 union all
select distinct payment_id, 'an event of another kind than its payment or movement'
  from step
 where type <> event_type(payment_id, split_part(type, '.', 2)) and type not in ('payment.queued', 'payment.requeued', 'dispute.opened', 'dispute.updated', 'dispute.closed')
 union all
select p.id, 'its status or number of events is not that of its last event'
  from payments p
  left join step on step.payment_id = p.id and step.is_last
 where p.id > :'after' and (:'until' = '' or p.id <= :'until')
   and (step.to_status is distinct from p.status or step.seq is distinct from p.event_seq);
