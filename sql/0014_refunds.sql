-- A charge that contradicts its payment is given back at the gateway; the record of that closes the contradiction.

alter table reconciliation_breaks
  add column refund_ref  text,
  add column resolved_by text,
  add constraint reconciliation_breaks_refund_is_resolved check (refund_ref is null or resolved_at is not null);

create index reconciliation_breaks_payment_idx on reconciliation_breaks (payment_id);

comment on column reconciliation_breaks.refund_ref  is 'The gateway''s id of the refund of this charge: the money went back';
comment on column reconciliation_breaks.resolved_by is 'The operator who resolved it';
