-- Replaces all routing rules.
-- PARAMS   $1 rules  text  JSON array of rules, in their order
-- RETURNS  nothing
-- WHY      One statement: readers see the rules before or after, never a part.
with given as (
  select rule, rank
    from jsonb_array_elements($1::text::jsonb) with ordinality as given (rule, rank)
), gone as (
  delete from routing_rules where rank > (select count(*) from given)
)
insert into routing_rules as r (rank, account, currency, min_amount, max_amount, payment_method, gateways, declines)
select rank::int, rule ->> 'account', rule ->> 'currency', (rule ->> 'minAmount')::bigint, (rule ->> 'maxAmount')::bigint,
       rule ->> 'paymentMethod', array(select jsonb_array_elements_text(rule -> 'gateways')),
       case when rule ? 'declines' then array(select jsonb_array_elements_text(rule -> 'declines')) end
  from given
 order by rank
    on conflict (rank) do update
   set account        = excluded.account,
       currency       = excluded.currency,
       min_amount     = excluded.min_amount,
       max_amount     = excluded.max_amount,
       payment_method = excluded.payment_method,
       gateways       = excluded.gateways,
       declines       = excluded.declines
