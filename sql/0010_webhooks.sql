-- Outgoing webhooks. The statement that writes an event also leaves a note of it here, in the same transaction:
-- nothing is sent for what was rolled back, and nothing that was committed is missed.

create table webhook_endpoints (
  id               text        primary key,
  url              text        not null,
  description      text        not null default '',
  event_types      text[],
  secret           bytea,
  old_secret       bytea,
  old_secret_until timestamptz,
  disabled_at      timestamptz,
  disabled_reason  text,
  first_failure_at timestamptz,
  failures         integer     not null default 0,
  paused_until     timestamptz,
  deleted_at       timestamptz,
  created_at       timestamptz not null default clock_timestamp(),
  updated_at       timestamptz not null default clock_timestamp(),
  constraint webhook_endpoints_url_length       check (length(url) <= 2048),
  constraint webhook_endpoints_description_length check (length(description) <= 255),
  constraint webhook_endpoints_types_chosen     check (cardinality(event_types) > 0),
  constraint webhook_endpoints_secret_while_alive check ((secret is null) = (deleted_at is not null)),
  constraint webhook_endpoints_old_secret_ends  check ((old_secret is null) = (old_secret_until is null)),
  constraint webhook_endpoints_disabled_why     check ((disabled_at is null) = (disabled_reason is null)),
  constraint webhook_endpoints_reason_known     check (disabled_reason in ('gone', 'failing', 'operator'))
) with (fillfactor = 50);

comment on table  webhook_endpoints                  is 'Receivers of events. A deleted one stays for its history, without its secrets';
comment on column webhook_endpoints.event_types      is 'The types that are sent to it; null is every public type';
comment on column webhook_endpoints.secret           is 'Encrypted (AES-256-GCM) under a key that is not in this database';
comment on column webhook_endpoints.old_secret       is 'Signs beside the new one until old_secret_until';
comment on column webhook_endpoints.first_failure_at is 'Every attempt has failed since then; null after a success';
comment on column webhook_endpoints.failures         is 'Failed attempts in a row';
comment on column webhook_endpoints.paused_until     is 'Nothing is sent before: it asked for a pause, or failed too often in a row';

-- The notes. A row goes when its event has been handed out, in the transaction that hands it out. There is no
-- position to remember, so a transaction that commits late is never skipped.
create table webhook_outbox (
  id         bigint  generated always as identity primary key,
  payment_id text    not null,
  seq        integer not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 20000);

comment on table webhook_outbox is 'Events that somebody may be subscribed to and that were not handed out yet';

-- One insert per statement, and none when nobody is subscribed. It waits for no lock that anybody else holds.
create function webhook_outbox_fill() returns trigger language plpgsql as $$
declare
  wanted text[];
begin
  select array_agg(written.type) into wanted
    from (select distinct type from new_events
           where type in ('payment.created', 'payment.queued', 'payment.processing',
                          'payment.succeeded', 'payment.failed', 'payment.needs_review')) written
   where exists (select from webhook_endpoints endpoint
                  where endpoint.deleted_at is null
                    and (endpoint.event_types is null or written.type = any(endpoint.event_types)));
  if wanted is not null then
    insert into webhook_outbox (payment_id, seq)
    select payment_id, seq from new_events where type = any(wanted);
  end if;
  return null;
end
$$;

create trigger webhook_outbox_fill
  after insert on payment_events referencing new table as new_events
  for each statement execute function webhook_outbox_fill();

-- What is sent, byte by byte, the same to every receiver and in every attempt.
create table webhook_events (
  id         text        collate "C" primary key,
  type       text        not null,
  payment_id text,
  payload    text        not null,
  at         timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint webhook_events_payload_size check (octet_length(payload) < 20000)
);

create index webhook_events_payment_idx on webhook_events (payment_id) where payment_id is not null;

comment on table  webhook_events    is 'Events that had a receiver, and news about the endpoints themselves';
comment on column webhook_events.id is 'Goes out as webhook-id; the receiver tells repetitions by it';
comment on column webhook_events.at is 'When it happened';

create table webhook_deliveries (
  id              bigint      generated always as identity primary key,
  event_id        text        collate "C" not null references webhook_events (id) on delete cascade,
  endpoint_id     text        not null references webhook_endpoints (id) on delete cascade,
  status          text        not null,
  attempts        integer     not null default 0,
  tries           integer     not null default 0,
  dispatches      integer     not null default 0,
  next_attempt_at timestamptz,
  leased_until    timestamptz,
  last_code       integer,
  last_error      text,
  created_at      timestamptz not null default clock_timestamp(),
  updated_at      timestamptz not null default clock_timestamp(),
  constraint webhook_deliveries_once           unique (event_id, endpoint_id),
  constraint webhook_deliveries_status_known   check (status in ('PENDING', 'DELIVERED', 'FAILED')),
  constraint webhook_deliveries_pending_is_due check ((status = 'PENDING') = (next_attempt_at is not null)),
  constraint webhook_deliveries_lease_pending  check (leased_until is null or status = 'PENDING')
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

create index webhook_deliveries_due_idx      on webhook_deliveries (endpoint_id, next_attempt_at) where status = 'PENDING';
create index webhook_deliveries_leased_idx   on webhook_deliveries (endpoint_id) where leased_until is not null;
create index webhook_deliveries_endpoint_idx on webhook_deliveries (endpoint_id, id);

comment on table  webhook_deliveries                 is 'One event to one endpoint';
comment on column webhook_deliveries.attempts        is 'Attempts in all; each is a row of webhook_attempts';
comment on column webhook_deliveries.tries           is 'Attempts of the present run through the schedule; a redelivery begins again at 0';
comment on column webhook_deliveries.dispatches      is 'Times it was handed to the queue; a result counts only for the latest';
comment on column webhook_deliveries.next_attempt_at is 'The schedule, and the only one: what is in Redis is a hint';
comment on column webhook_deliveries.leased_until    is 'Handed to the queue; due again at this moment if nothing came back';

create table webhook_attempts (
  delivery_id bigint      not null references webhook_deliveries (id) on delete cascade,
  attempt_no  integer     not null,
  at          timestamptz not null default clock_timestamp(),
  duration_ms integer     not null,
  code        integer,
  error       text,
  detail      text,
  response    text,
  primary key (delivery_id, attempt_no),
  constraint webhook_attempts_response_size check (octet_length(response) <= 20480)
);

comment on table  webhook_attempts          is 'One request to an endpoint and what came of it';
comment on column webhook_attempts.at       is 'When the answer was in, or there was none to wait for any more';
comment on column webhook_attempts.code     is 'HTTP status, when there was an answer';
comment on column webhook_attempts.error    is 'Kind of failure; null for a success';
comment on column webhook_attempts.response is 'The beginning of the response body';
