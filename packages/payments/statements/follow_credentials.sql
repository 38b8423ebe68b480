-- Lets the next attempt of payments begin where their account's credentials are by now.
-- PARAMS   $1 ids  text[]  payments that a claim left alone because another place is for their account
-- RETURNS  nothing
-- WHY      The next gateway was chosen when the attempt before was closed. Nothing was sent there, and no attempt may begin
--          at a place that has ended: without this the payment would wait for ever.
with target as (
  select p.id, coalesce(c.place, split_part(p.next_gateway, '@', 1)) as place
    from payments p
    left join gateway_credentials c
      on c.account = coalesce(p.account, 'default') and c.gateway = split_part(p.next_gateway, '@', 1) and c.ended_at is null
   where p.id = any($1::text[]) and p.status = 'QUEUED' and not p.attempt_open and p.next_gateway is not null
   order by p.id
     for update of p
)
update payments p
   set next_gateway = target.place
  from target
 where p.id = target.id and p.next_gateway <> target.place
