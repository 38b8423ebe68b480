-- What a payment says besides its amount. Free text and personal data are one row in a table of their own, so that a
-- person can be erased while the books stay. A payment that says nothing of it has no row there and no value here.

alter table payments
  add column request_digest   bytea,
  add column has_details      boolean,
  add column manual_capture   boolean,
  add column customer_present boolean,
  add column priority         text,
  add column execute_at       timestamptz,
  add column expires_at       timestamptz,
  add constraint payments_priority_known check (priority in ('high', 'low')),
  add constraint payments_expire_after_execution check (expires_at > execute_at);

comment on column payments.request_digest   is 'From fp_version 2 on, in place of request_hash: SHA-256 of the request with its idempotency key';
comment on column payments.has_details      is 'Whether payment_details has a row; null for none';
comment on column payments.manual_capture   is 'The charge is only authorized, and captured later; null for at once';
comment on column payments.customer_present is 'The customer can answer a question of the bank; null for off session';
comment on column payments.priority         is 'Priority of its jobs: high or low; null for default';
comment on column payments.execute_at       is 'Nothing is sent before; null for at once';
comment on column payments.expires_at       is 'Nothing is sent from then on; null for never';

create table payment_details (
  payment_id           text        primary key references payments (id) on delete restrict,
  payment_method       jsonb,
  customer             jsonb,
  reference            text        collate "C",
  description          text,
  statement_descriptor text,
  metadata             jsonb,
  return_url           text,
  next_action          jsonb,
  digest               bytea,
  erased_at            timestamptz,
  constraint payment_details_payment_method_size check (octet_length(payment_method::text) <= 2000),
  constraint payment_details_customer_size check (octet_length(customer::text) <= 2000),
  constraint payment_details_tokens_typed check (
    jsonb_typeof(payment_method) in ('string', 'object') and jsonb_typeof(customer) in ('string', 'object')),
  constraint payment_details_reference_size check (length(reference) between 1 and 255),
  constraint payment_details_description_size check (length(description) <= 500),
  constraint payment_details_statement_descriptor_size check (length(statement_descriptor) <= 22),
  constraint payment_details_metadata_size check (octet_length(metadata::text) <= 6500),
  constraint payment_details_metadata_typed check (jsonb_typeof(metadata) = 'object'),
  constraint payment_details_return_url_size check (length(return_url) <= 2048),
  constraint payment_details_next_action_size check (octet_length(next_action::text) <= 8192),
  constraint payment_details_erased_is_empty check (
    erased_at is null
    or coalesce(payment_method, customer, metadata, next_action) is null
       and coalesce(reference, description, statement_descriptor, return_url) is null)
);

comment on table  payment_details                is 'Free text and personal data of a payment: joined when it is read or sent, copied nowhere';
comment on column payment_details.payment_method is 'Token of the gateway, or an object from the name of a gateway to its token';
comment on column payment_details.customer       is 'Customer at the gateway, in the same two forms';
comment on column payment_details.next_action    is 'What the customer has to do';
comment on column payment_details.digest         is 'SHA-256 of what the client asked for; part of the request''s digest, and kept when the rest is erased';
comment on column payment_details.erased_at      is 'From then on the members are empty, for good';

-- Rows without the member are in neither index.
create index payment_details_reference_idx on payment_details (reference, payment_id) where reference is not null;
create index payment_details_metadata_idx  on payment_details using gin (metadata jsonb_path_ops) where metadata is not null;

create index payments_expiring_idx on payments (expires_at, id) where expires_at is not null and status in ('PENDING', 'QUEUED');

create function payments_check_members() returns trigger language plpgsql as $$
begin
  if (new.request_digest, new.manual_capture, new.customer_present, new.priority, new.execute_at, new.expires_at)
     is distinct from
     (old.request_digest, old.manual_capture, old.customer_present, old.priority, old.execute_at, old.expires_at)
     or old.has_details and new.has_details is not true then
    raise exception 'payment %: what the client asked for cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;
  return new;
end
$$;

create trigger payments_check_members
  before update of request_digest, has_details, manual_capture, customer_present, priority, execute_at, expires_at on payments
  for each row execute function payments_check_members();

create function payment_details_check_frozen() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if (new.payment_id, new.digest) is not distinct from (old.payment_id, old.digest)
       and old.erased_at is null
       -- An erased row is empty: its constraint holds that. While a payment is not final, they may have to be sent again.
       and (new.erased_at is not null
               and exists (select from payments p where p.id = old.payment_id and p.status in ('SUCCESS', 'FAILED'))
            or (new.payment_method, new.customer, new.reference, new.description, new.statement_descriptor,
                new.metadata, new.return_url)
               is not distinct from
               (old.payment_method, old.customer, old.reference, old.description, old.statement_descriptor,
                old.metadata, old.return_url)) then
      return new;
    end if;
  end if;
  raise exception 'payment %: its details are only erased, and what the customer has to do changes', old.payment_id
    using errcode = 'check_violation', constraint = 'payment_details_are_frozen';
end
$$;

create trigger payment_details_check_frozen
  before update or delete on payment_details
  for each row execute function payment_details_check_frozen();
