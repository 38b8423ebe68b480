-- Finds payments whose time was over before their open or next attempt was sent.
-- PARAMS   $1 limit  int  most payments
-- RETURNS  id and gateway of each: where its attempt is open, or where the next one would begin
-- WHY      Whether nothing was sent is decided by the claim that follows, which counts and locks.
select id as payment_id,
       case when attempt_open then gateway
            else coalesce((select c.place from gateway_credentials c
                            where c.account = coalesce(p.account, 'default') and c.ended_at is null
                              and c.gateway = split_part(coalesce(p.next_gateway, p.gateway), '@', 1)),
                          split_part(coalesce(next_gateway, gateway), '@', 1)) end as gateway
  from payments p
 where expires_at <= clock_timestamp() and expires_at is not null and status in ('PENDING', 'QUEUED') and attempt_no > 0
   and next_run_at <= clock_timestamp() and not needs_review and (not attempt_open or sends = 0)
 order by expires_at, id
 limit $1::int
