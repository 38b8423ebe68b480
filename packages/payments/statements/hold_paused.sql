-- Puts payments of paused accounts out of the way of every search for work.
-- PARAMS   $1 ids  text[]  payments that a claim left alone because their account is paused
-- RETURNS  nothing
-- WHY      Otherwise each would get a new job again and again, for as long as the pause lasts. The account is locked, so that
--          a resume finds every payment that was held before it; while it is under way, nothing is held.
with paused as (
  select id from accounts where paused_at is not null for share skip locked
), target as (
  select p.id from payments p
   where p.id = any($1::text[]) and coalesce(p.account, 'default') in (select id from paused)
     and (p.status in ('PENDING', 'QUEUED')
          or p.status = 'PROCESSING' and (p.lease_until is null or p.lease_until < clock_timestamp()))
     and p.next_run_at <= clock_timestamp()
   order by p.id
     for update
)
update payments p
   set next_run_at = held_until()
  from target
 where p.id = target.id
