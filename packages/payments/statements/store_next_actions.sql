-- Stores what customers have to do next.
-- PARAMS   $1 ids      text[]  payments
--          $2 actions  text[]  JSON of what each of their customers has to do
-- RETURNS  nothing
insert into payment_details (payment_id, next_action)
select id, action::jsonb from unnest($1::text[], $2::text[]) as asked (id, action)
    on conflict (payment_id) do update set next_action = excluded.next_action
