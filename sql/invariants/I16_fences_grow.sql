-- Finds claims and attempts whose fence does not grow, or is beyond the payment's own.
-- SCOPE    payments
-- PARAMS   $1 after, $2 until: the range of payment ids
-- RETURNS  id, what
-- WHY      An older holder writes nothing.
with claim as (
  select payment_id, fence, lag(fence) over (partition by payment_id order by seq) as before
    from (select payment_id, seq, (evidence ->> 'fence')::bigint as fence
            from payment_events
           where type in ('payment.processing', 'payment.taken_over')
             and payment_id > $1 and ($2::text is null or payment_id <= $2)) event
), attempt as (
  select payment_id, fence, lag(fence) over (partition by payment_id order by attempt_no) as before
    from payment_attempts
   where payment_id > $1 and ($2::text is null or payment_id <= $2)
), payment as materialized (
  select id, fence from payments where id > $1 and ($2::text is null or id <= $2)
)
select distinct payment_id as id, 'a claim without a fence above the one before' as what
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
 where held.fence > p.fence
