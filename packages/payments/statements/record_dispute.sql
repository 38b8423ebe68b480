-- Records what a gateway says about a dispute, with an event of its payment when that is news.
-- PARAMS   $1 gateway      text         gateway
--          $2 gateway_ref  text         the gateway's id of the dispute
--          $3 payment_id   text         payment, locked by this transaction
--          $4 charge_ref   text         the gateway's id of the charge
--          $5 amount       bigint       what is disputed, in minor units
--          $6 currency     text         its currency
--          $7 status       text         status
--          $8 reason       text         why, or null
--          $9 respond_by   timestamptz  until when the merchant can answer, or null
--          $10 opened_at   timestamptz  when it was opened, by the gateway's clock; null when it does not say
--          $11 said_at     timestamptz  when the gateway said this, by its clock; null: now, read from its list
--          $12 actor       text         who says so
-- RETURNS  type of the event, when this was news
-- WHY      Reports come in any order and more than once: only a later one, or a list that shows a later step, changes anything.
--          One that repeats the status is the last word all the same, so that what was said before it stays without effect.
--          The payment shows the worst of its disputes, an open one first, in whichever order they are reported.
with steps as (
  select array['inquiry', 'needs_response', 'under_review', 'closed', 'won', 'lost']::text[] as list
), before as (
  select status, amount from disputes where gateway = $1::text and gateway_ref = $2::text
), written as (
  insert into disputes as d (gateway, gateway_ref, payment_id, charge_ref, amount, currency, status, reason, respond_by, opened_at, said_at)
  values ($1::text, $2::text, $3::text, $4::text, $5::bigint, $6::text, $7::text, $8::text, $9::timestamptz,
          coalesce($10::timestamptz, $11::timestamptz, clock_timestamp()), coalesce($11::timestamptz, $10::timestamptz, clock_timestamp()))
      on conflict (gateway, gateway_ref) do update
     set amount = excluded.amount, status = excluded.status, reason = coalesce(excluded.reason, d.reason),
         respond_by = coalesce(excluded.respond_by, d.respond_by), said_at = greatest(d.said_at, excluded.said_at),
         updated_at = case when (d.status, d.amount) is distinct from (excluded.status, excluded.amount) then clock_timestamp()
                           else d.updated_at end
   where d.payment_id = excluded.payment_id
     and (excluded.said_at > d.said_at and $11::timestamptz is not null
          or array_position((select list from steps), excluded.status) > array_position((select list from steps), d.status)
             and (excluded.said_at = d.said_at or $11::timestamptz is null))
returning d.xmax = 0 as is_new, d.status, d.amount, d.currency, d.reason, d.respond_by
), mark as (
  select status
    from (select status from written
          union all
          select status from disputes where payment_id = $3::text and (gateway, gateway_ref) <> ($1::text, $2::text)) every
   order by array_position(array['needs_response', 'under_review', 'inquiry', 'lost', 'won', 'closed'], status)
   limit 1
), moved as (
  update payments p
     set event_seq = p.event_seq + 1, dispute_status = mark.status, updated_at = clock_timestamp()
    from written, mark
   where p.id = $3::text and (written.status, written.amount) not in (select status, amount from before)
returning p.id, p.event_seq, p.status
)
insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
select moved.id, moved.event_seq,
       'dispute.' || case when written.is_new then 'opened'
                          when written.status in ('won', 'lost', 'closed') then 'closed' else 'updated' end,
       moved.status, moved.status, $12::text,
       jsonb_strip_nulls(jsonb_build_object('dispute_id', $2::text, 'dispute_status', written.status, 'disputed_amount', written.amount,
                                            'disputed_currency', written.currency, 'reason', written.reason, 'respond_by', written.respond_by))
  from moved, written
returning type
