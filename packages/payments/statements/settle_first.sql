-- Writes successes of first sends: each is part of its payment's row.
-- PARAMS   $1 ids           text[]    payments, claimed under fence 1
--          $2 gateway_refs  text[]    the gateway's ids of the charges
--          $3 amounts       bigint[]  what was charged
--          $4 currencies    text[]    in which currency
--          $5 actors        text[]    who claimed them
-- RETURNS  id and fence of each result that was written; settle.sql decides about the others
-- WHY      Nearly all results are of this kind, and write one row: settle.sql pays for all that others need.
--          The claim is compared when the row is locked, so a result that comes too late changes nothing.
with moved as (
  update payments p
     set status        = 'SUCCESS',
         lease_owner   = null,
         lease_until   = null,
         attempt_open  = false,
         next_run_at   = clock_timestamp(),
         gateway_ref   = result.gateway_ref,
         event_seq     = 4,
         ended_at      = clock_timestamp(),
         updated_at    = clock_timestamp()
    from (select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
              as result (id, gateway_ref, amount, currency, actor)
           order by id) result
   where p.id = result.id and p.parent_id is null and p.fence = 1 and p.event_seq = 3
     -- Not written plainly: no index of a status should seem to fit.
     and coalesce(p.status, '') = 'PROCESSING'
     -- A settled claim has no lease, so the same result is never written twice.
     and p.lease_until is not null
     and p.sends = 1 and p.takeovers = 0 and p.claimed_by = result.actor
     -- A success is for exactly what the client asked.
     and p.amount = result.amount and p.currency = result.currency
     -- No review, unknown outcome or wait that the success would end.
     and not p.needs_review and p.unknown_since is null and p.waits_for is null
  returning p.id, p.fence,
            case when (select types && '{payment.succeeded}' from webhook_feed) then note_events(p.id, 4, 4) end as is_noted
)
select id, fence from moved
