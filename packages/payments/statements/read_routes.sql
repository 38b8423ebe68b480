-- Reads the routing rules.
-- PARAMS   none
-- RETURNS  the rules in their order
select account, currency, min_amount, max_amount, payment_method, gateways, declines
  from routing_rules
 order by rank
