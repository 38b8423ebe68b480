-- Reads what is on record here of attempts that a gateway lists.
-- PARAMS   $1 ids          text[]  payments and movements that the keys name
--          $2 attempt_nos  int[]   number of each attempt
-- RETURNS  a row for each, in their order; its columns are null where there is no such payment or movement
select asked.id, asked.attempt_no, p.status, p.amount, p.currency, p.amount_captured, p.gateway_ref, p.attempt_no as current_attempt,
       p.attempt_open, p.needs_review, p.waits_for, p.parent_id, p.updated_at, a.gateway as attempt_gateway,
       coalesce(p.account, charge.account, 'default') as account
  from unnest($1::text[], $2::int[]) with ordinality as asked (id, attempt_no, place)
  left join payments p on p.id = asked.id
  left join payments charge on charge.id = p.parent_id
  left join attempt_history a on a.payment_id = asked.id and a.attempt_no = asked.attempt_no
 order by asked.place
