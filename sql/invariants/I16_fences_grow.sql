-- The fence grows with every claim, and none is beyond the payment’s own.
-- PARAMS   after, until: range of payment ids; every payment by default
-- RETURNS  subject, detail
-- WHY      An older lease holder writes nothing.
-- ADVICE   Compare `titan payments show <id>` with the gateway’s records. Two workers may have written: look for a
--          worker of another version.
\set after ''
\set until ''

with claim as (
  select payment_id, fence, lag(fence) over (partition by payment_id order by seq) as before
    from (select payment_id, seq, (evidence ->> 'fence')::bigint as fence
            from payment_history
           where split_part(type, '.', 2) in ('processing', 'taken_over')
             and payment_id > :'after' and (:'until' = '' or payment_id <= :'until')) event
), attempt as (
  select payment_id, fence, lag(fence) over (partition by payment_id order by attempt_no) as before
    from attempt_history
   where payment_id > :'after' and (:'until' = '' or payment_id <= :'until')
), payment as materialized (
  select id, fence from payments where id > :'after' and (:'until' = '' or id <= :'until')
)
select distinct payment_id as subject, 'a claim without a fence above the one before' as detail
  from claim
 where fence is null or fence <= before
 union all
select distinct payment_id, 'an attempt without a fence above the one before'
  from attempt
 where fence <= before
 union all
select distinct p.id, 'a claim or an attempt has a fence beyond the payment''s own'
  from (select payment_id, fence from claim union all select payment_id, fence from attempt) held
  join payment p on p.id = held.payment_id
 where held.fence > p.fence;
