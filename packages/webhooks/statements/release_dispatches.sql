-- Releases deliveries that could not be enqueued; they are due again at once.
-- PARAMS   $1 delivery_ids  int8[]  numbers of the deliveries
--          $2 dispatch_nos  int4[]  dispatch number of each
-- RETURNS  nothing
update webhook_deliveries d
   set leased_until = null
  from unnest($1::int8[], $2::int4[]) as dispatched (id, dispatch_no)
 where d.id = dispatched.id and d.dispatches = dispatched.dispatch_no and d.status = 'PENDING'
