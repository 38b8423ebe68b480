-- Lets the next attempt of payments begin where it may: at their account's credentials of now, and at the gateway of their token.
-- PARAMS   $1 ids  text[]  payments that a claim left alone because another place is for them
-- RETURNS  nothing
-- WHY      The next gateway was chosen when the attempt before was closed: by then the credentials may have ended, and a program of
--          the version before does not know whose the token is. Nothing was sent there, and no attempt may begin there: without
--          this the payment would never be claimed.
with target as (
  select p.id, coalesce(c.place, next.name) as place
    from payments p
   cross join lateral (select coalesce(p.token_gateway, split_part(p.next_gateway, '@', 1)) as name) next
    left join gateway_credentials c
      on c.account = coalesce(p.account, 'default') and c.gateway = next.name and c.ended_at is null
   where p.id = any($1::text[]) and p.status = 'QUEUED' and not p.attempt_open and p.next_gateway is not null
   order by p.id
     for update of p
)
update payments p
   set next_gateway = target.place
  from target
 where p.id = target.id and p.next_gateway <> target.place
