-- The whole history of payments, and their attempts, whatever the tables are that hold them.

create view payment_history as
  select payment_id, seq, type, from_status, to_status, actor, evidence, at
    from payment_events;

create view attempt_history as
  select payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers,
         outcome, gateway_ref, last_error, decided_at
    from payment_attempts;

comment on view payment_history is 'Every transition of every payment, numbered without gaps within a payment. Read this rather than a table';
comment on view attempt_history is 'Every intention to move money. Read this rather than a table';
