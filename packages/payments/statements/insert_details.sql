-- Inserts the details of payments that were just inserted.
-- PARAMS   $1 extras  text[]  JSON of what each of their requests says besides
-- RETURNS  nothing
-- WHY      A separate statement: a payment without details does not pay for it.
insert into payment_details (payment_id, payment_method, customer, reference, description, statement_descriptor, metadata, return_url,
                             digest)
select payment_id, payment_method, customer, reference, description, statement_descriptor, metadata, return_url, decode(digest, 'hex')
  from unnest($1::text[]) as extra
 cross join lateral jsonb_to_record(extra::jsonb -> 'details') as given
       (payment_id text, payment_method jsonb, customer jsonb, reference text, description text, statement_descriptor text,
        metadata jsonb, return_url text, digest text)
 where extra::jsonb ? 'details'
