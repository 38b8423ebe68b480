-- The schema that the migrations in this folder make, for readers. Never run it: `titan migrate` applies the migrations.
-- Generated from a migrated database by `vitest run packages/cli/test/schema.pg.test.ts -u`.

create type payment_claim as (
  id text,
  fence bigint
);

create type payment_request as (
  id text,
  amount bigint,
  currency text,
  key text,
  hash text,
  traceparent text
);

create type payment_settlement as (
  id text,
  fence bigint,
  status text,
  outcome text,
  unsent integer,
  counts_retry integer,
  unknown boolean,
  counts_resolve integer,
  review boolean,
  delay_ms double precision,
  failure_code text,
  failure_kind text,
  gateway_ref text,
  charged_amount bigint,
  charged_currency text,
  break_kind text,
  event text,
  actor text,
  evidence jsonb
);

create type payment_settlement_2 as (
  id text,
  fence bigint,
  status text,
  outcome text,
  unsent integer,
  counts_retry integer,
  unknown boolean,
  counts_resolve integer,
  review boolean,
  delay_ms double precision,
  failure_code text,
  failure_kind text,
  gateway_ref text,
  charged_amount bigint,
  charged_currency text,
  break_kind text,
  event text,
  actor text,
  evidence jsonb,
  waits_for text,
  waits_until timestamp with time zone,
  wait_ms double precision
);

create type payment_settlement_3 as (
  id text,
  fence bigint,
  status text,
  outcome text,
  unsent integer,
  counts_retry integer,
  unknown boolean,
  counts_resolve integer,
  review boolean,
  delay_ms double precision,
  failure_code text,
  failure_kind text,
  gateway_ref text,
  charged_amount bigint,
  charged_currency text,
  break_kind text,
  event text,
  actor text,
  evidence jsonb,
  waits_for text,
  waits_until timestamp with time zone,
  wait_ms double precision,
  next_gateway text
);

-- Whom payments, API keys and webhook endpoints belong to; never deleted
create table accounts (
  id text not null, -- Begins the stored idempotency keys of its payments; default is stored as null elsewhere
  name text not null,
  mode text, -- Which gateways may serve it; null for any
  paused_at timestamp with time zone, -- Since then nothing of it is claimed
  created_at timestamp with time zone not null default clock_timestamp(),
  constraint accounts_id_form CHECK ((id ~ '^[a-z0-9][a-z0-9_-]{0,39}$'::text)),
  constraint accounts_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint accounts_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  constraint accounts_pkey PRIMARY KEY (id)
);
CREATE TRIGGER accounts_are_kept BEFORE DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION accounts_are_kept();
CREATE TRIGGER accounts_keep_id BEFORE UPDATE OF id ON accounts FOR EACH ROW WHEN ((new.id <> old.id)) EXECUTE FUNCTION accounts_are_kept();
CREATE TRIGGER accounts_keep_mode BEFORE UPDATE OF mode ON accounts FOR EACH ROW WHEN (((old.mode IS NOT NULL) AND (new.mode IS DISTINCT FROM old.mode))) EXECUTE FUNCTION accounts_keep_mode();

-- Who may call the API. A revoked key stays, so that its id in old logs keeps its name
create table api_keys (
  id text not null, -- First part of the token, which may be shown and logged
  name text not null,
  secret_hash bytea not null, -- SHA-256 of the second part, of an account other than default with the account and a space before it: 256 random bits, so nothing slower is needed
  scope text not null, -- Each contains the one before: read, write (payments), admin (webhook endpoints)
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone, -- To the minute
  revoked_at timestamp with time zone,
  account text, -- Whose payments it may see; null for default. Part of what secret_hash is of, so no other program and no change here makes it a key of default
  constraint api_keys_account_fkey FOREIGN KEY (account) REFERENCES accounts(id),
  constraint api_keys_default_is_null CHECK ((account <> 'default'::text)),
  constraint api_keys_hash_size CHECK ((octet_length(secret_hash) = 32)),
  constraint api_keys_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_scope_known CHECK ((scope = ANY (ARRAY['read'::text, 'write'::text, 'admin'::text])))
);

-- Sessions of the dashboard. A session is valid while its credential is; expired rows are deleted
create table dashboard_sessions (
  token_hash bytea not null, -- SHA-256 of the 256 random bits in the cookie
  name text not null,
  operator_id text,
  api_key_id text,
  shared_token bytea, -- scrypt of the DASHBOARD_ADMIN_TOKEN that opened it: another token ends the session
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  ended_at timestamp with time zone, -- When the user signed out
  constraint dashboard_sessions_api_key_id_fkey FOREIGN KEY (api_key_id) REFERENCES api_keys(id),
  constraint dashboard_sessions_hash_size CHECK ((octet_length(token_hash) = 32)),
  constraint dashboard_sessions_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  constraint dashboard_sessions_one_credential CHECK ((num_nonnulls(operator_id, api_key_id, shared_token) = 1)),
  constraint dashboard_sessions_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operators(id),
  constraint dashboard_sessions_pkey PRIMARY KEY (token_hash)
);
CREATE INDEX dashboard_sessions_expires_at_idx ON dashboard_sessions USING btree (expires_at);

-- Charges that their cardholders dispute. The status of the payment stays
create table disputes (
  gateway text not null,
  gateway_ref text not null,
  payment_id text not null,
  charge_ref text not null,
  amount bigint not null, -- What is disputed, in minor units
  currency text not null,
  status text not null,
  reason text,
  respond_by timestamp with time zone, -- Until when the merchant can answer
  opened_at timestamp with time zone not null,
  said_at timestamp with time zone not null, -- When the gateway said what is here, by its clock: what it said before changes nothing
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint disputes_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments(id),
  constraint disputes_pkey PRIMARY KEY (gateway, gateway_ref),
  constraint disputes_status_known CHECK ((status = ANY (ARRAY['inquiry'::text, 'needs_response'::text, 'under_review'::text, 'won'::text, 'lost'::text, 'closed'::text])))
);
CREATE INDEX disputes_payment_idx ON disputes USING btree (payment_id);

-- Credentials of an account's own at a gateway; never deleted
create table gateway_credentials (
  place text not null, -- Names the gateway under these credentials: gateway@account.number
  account text not null,
  gateway text not null,
  number integer not null, -- Counts the accounts at the gateway that the account has had
  mode text,
  sealed bytea not null, -- Encrypted (AES-256-GCM) under a key that is not in this database
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  ended_at timestamp with time zone, -- No attempt has begun there since; open ones and refunds continue
  constraint gateway_credentials_account_fkey FOREIGN KEY (account) REFERENCES accounts(id),
  constraint gateway_credentials_gateway CHECK ((gateway !~ '@'::text)),
  constraint gateway_credentials_mode_known CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text]))),
  constraint gateway_credentials_pkey PRIMARY KEY (place),
  constraint gateway_credentials_place CHECK ((place = ((((gateway || '@'::text) || account) || '.'::text) || number)))
);
CREATE UNIQUE INDEX gateway_credentials_current ON gateway_credentials USING btree (account, gateway) WHERE (ended_at IS NULL);
CREATE TRIGGER gateway_credentials_fit BEFORE INSERT OR UPDATE ON gateway_credentials FOR EACH ROW EXECUTE FUNCTION gateway_credentials_fit();

-- Gateways at which nothing is begun or continued until an operator starts them again; workers read it every second
create table gateway_stops (
  gateway text not null,
  stopped_at timestamp with time zone not null default clock_timestamp(),
  stopped_by text not null, -- The operator
  reason text not null,
  constraint gateway_stops_gateway_form CHECK ((gateway ~ '^[a-z][a-z0-9_-]{0,39}$'::text)),
  constraint gateway_stops_pkey PRIMARY KEY (gateway)
);

-- One row per act in the dashboard, on the command line or over the API; never deleted
create table operator_actions (
  id bigint not null generated always as identity,
  at timestamp with time zone not null default clock_timestamp(),
  operator text not null, -- Name of the operator; as typed, unless is_proven
  action text not null,
  target text not null, -- What it was done to: a payment, a dead letter, a queue
  note text not null, -- The reason or the evidence that was given; may be empty
  outcome text, -- What came of it; null while it goes on, and for ever if the process died meanwhile
  ended_at timestamp with time zone,
  credential text not null default 'admin token'::text, -- What the actor presented: an operator token, the shared admin token, an API key, an account of the operating system
  is_proven boolean not null default false, -- Whether the credential belongs to this operator alone. Rows of earlier versions have the shared token
  constraint operator_actions_credential_length CHECK (((length(credential) >= 1) AND (length(credential) <= 200))),
  constraint operator_actions_ended_once CHECK (((outcome IS NULL) = (ended_at IS NULL))),
  constraint operator_actions_lengths CHECK ((((length(operator) >= 1) AND (length(operator) <= 100)) AND (length(action) <= 100) AND (length(target) <= 300) AND (length(note) <= 2000) AND (length(outcome) <= 500))),
  constraint operator_actions_pkey PRIMARY KEY (id)
);
CREATE TRIGGER operator_actions_append_only BEFORE DELETE OR UPDATE ON operator_actions FOR EACH ROW EXECUTE FUNCTION operator_actions_append_only();
CREATE TRIGGER operator_actions_never_emptied BEFORE TRUNCATE ON operator_actions FOR EACH STATEMENT EXECUTE FUNCTION operator_actions_append_only();

-- People who may act in the dashboard. A revoked operator stays: audit rows refer to the id
create table operators (
  id text not null, -- First part of the token, which may be shown and logged
  name text not null,
  secret_hash bytea not null, -- SHA-256 of the second part: 256 random bits, so a slow hash adds nothing
  created_at timestamp with time zone not null default clock_timestamp(),
  revoked_at timestamp with time zone,
  constraint operators_hash_size CHECK ((octet_length(secret_hash) = 32)),
  constraint operators_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
  constraint operators_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX operators_active_name_idx ON operators USING btree (name) WHERE (revoked_at IS NULL);

-- Intentions to move money; the gateway key is a function of (payment_id, attempt_no)
create table payment_attempts (
  payment_id text not null,
  attempt_no integer not null,
  gateway text not null,
  gateway_key text not null,
  amount bigint not null,
  currency text not null,
  fence bigint not null, -- Fence of the latest claim that worked on this attempt
  created_at timestamp with time zone not null default clock_timestamp(),
  first_sent_at timestamp with time zone,
  sends integer not null default 0, -- With first_sent_at and takeovers the record of what payments counts for its current attempt
  takeovers integer not null default 0,
  outcome text, -- The definite answer; null while there is none
  gateway_ref text,
  last_error text,
  decided_at timestamp with time zone,
  constraint payment_attempts_decided_once CHECK (((outcome IS NULL) = (decided_at IS NULL))),
  constraint payment_attempts_key_is_derived CHECK ((gateway_key = ((('titan_'::text || payment_id) || '_'::text) || attempt_no))),
  constraint payment_attempts_outcome_known CHECK ((outcome = ANY (ARRAY['SUCCEEDED'::text, 'DECLINED'::text, 'NOT_SENT'::text]))),
  constraint payment_attempts_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments(id) ON DELETE RESTRICT,
  constraint payment_attempts_pkey PRIMARY KEY (payment_id, attempt_no)
);
CREATE UNIQUE INDEX payment_attempts_one_open ON payment_attempts USING btree (payment_id) WHERE (outcome IS NULL);
CREATE UNIQUE INDEX payment_attempts_one_success ON payment_attempts USING btree (payment_id) WHERE (outcome = 'SUCCEEDED'::text);
CREATE TRIGGER payment_attempts_check_insert BEFORE INSERT ON payment_attempts FOR EACH ROW WHEN ((new.attempt_no > 1)) EXECUTE FUNCTION payment_attempts_check_insert();
CREATE TRIGGER payment_attempts_check_not_sent BEFORE INSERT OR UPDATE OF outcome, sends, takeovers ON payment_attempts FOR EACH ROW WHEN (((new.outcome = 'NOT_SENT'::text) AND ((new.sends <> 0) OR (new.takeovers <> 0)))) EXECUTE FUNCTION payment_attempts_check_not_sent();
CREATE TRIGGER payment_attempts_check_update BEFORE UPDATE ON payment_attempts FOR EACH ROW WHEN (((old.outcome IS NOT NULL) OR (new.payment_id <> old.payment_id) OR (new.attempt_no <> old.attempt_no) OR (new.gateway <> old.gateway) OR (new.gateway_key <> old.gateway_key) OR (new.amount <> old.amount) OR (new.currency <> old.currency) OR (new.fence < old.fence))) EXECUTE FUNCTION payment_attempts_check_update();

-- Free text and personal data of a payment: joined when it is read or sent, copied nowhere
create table payment_details (
  payment_id text not null,
  payment_method jsonb, -- Token of the gateway, or an object from the name of a gateway to its token
  customer jsonb, -- Customer at the gateway, in the same two forms
  reference text collate C,
  description text,
  statement_descriptor text,
  metadata jsonb,
  return_url text,
  next_action jsonb, -- What the customer has to do
  digest bytea, -- SHA-256 of what the client asked for; part of the request's digest, and kept when the rest is erased
  erased_at timestamp with time zone, -- From then on the members are empty, for good
  constraint payment_details_customer_size CHECK ((octet_length((customer)::text) <= 2000)),
  constraint payment_details_description_size CHECK ((length(description) <= 500)),
  constraint payment_details_erased_is_empty CHECK (((erased_at IS NULL) OR ((COALESCE(payment_method, customer, metadata, next_action) IS NULL) AND (COALESCE(reference, description, statement_descriptor, return_url) IS NULL)))),
  constraint payment_details_metadata_size CHECK ((octet_length((metadata)::text) <= 6500)),
  constraint payment_details_metadata_typed CHECK ((jsonb_typeof(metadata) = 'object'::text)),
  constraint payment_details_next_action_size CHECK ((octet_length((next_action)::text) <= 8192)),
  constraint payment_details_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES payments(id) ON DELETE RESTRICT,
  constraint payment_details_payment_method_size CHECK ((octet_length((payment_method)::text) <= 2000)),
  constraint payment_details_pkey PRIMARY KEY (payment_id),
  constraint payment_details_reference_size CHECK (((length(reference) >= 1) AND (length(reference) <= 255))),
  constraint payment_details_return_url_size CHECK ((length(return_url) <= 2048)),
  constraint payment_details_statement_descriptor_size CHECK ((length(statement_descriptor) <= 22)),
  constraint payment_details_tokens_typed CHECK (((jsonb_typeof(payment_method) = ANY (ARRAY['string'::text, 'object'::text])) AND (jsonb_typeof(customer) = ANY (ARRAY['string'::text, 'object'::text]))))
);
CREATE INDEX payment_details_metadata_idx ON payment_details USING gin (metadata jsonb_path_ops) WHERE (metadata IS NOT NULL);
CREATE INDEX payment_details_reference_idx ON payment_details USING btree (reference, payment_id) WHERE (reference IS NOT NULL);
CREATE TRIGGER payment_details_check_frozen BEFORE DELETE OR UPDATE ON payment_details FOR EACH ROW EXECUTE FUNCTION payment_details_check_frozen();
CREATE TRIGGER payment_details_mark AFTER INSERT ON payment_details FOR EACH ROW WHEN ((new.next_action IS NOT NULL)) EXECUTE FUNCTION payment_details_mark();

-- Events that are not columns of their payment; append only. Read payment_history rather than this
create table payment_event_rows (
  payment_id text not null,
  seq integer not null,
  type text not null,
  from_status text,
  to_status text not null,
  actor text not null,
  evidence jsonb, -- Why: decline code, gateway reference, reason. Required for FAILED
  at timestamp with time zone not null default clock_timestamp(),
  constraint payment_events_pkey PRIMARY KEY (payment_id, seq)
);
CREATE INDEX payment_events_at_idx ON payment_event_rows USING brin (at) WITH (pages_per_range='16', autosummarize='on');
CREATE TRIGGER payment_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON payment_event_rows FOR EACH STATEMENT EXECUTE FUNCTION payment_events_append_only();
CREATE TRIGGER webhook_outbox_fill AFTER INSERT ON payment_event_rows FOR EACH ROW EXECUTE FUNCTION webhook_outbox_fill();

-- One intention of a client to pay, under one idempotency key
create table payments (
  id text not null,
  amount bigint not null, -- Minor units of the currency
  status text not null,
  idempotency_key text not null,
  currency text not null default 'USD'::text,
  request_hash text, -- SHA-256 of the validated, defaulted request; a repeat under the same key must match it
  fp_version smallint not null default 1, -- Which set of fields went into request_hash
  fence bigint not null default 0, -- Grows by one with every claim; a writer that holds an older one changes nothing
  lease_owner text,
  lease_until timestamp with time zone, -- The claim ends at this moment of the database clock
  attempt_no integer not null default 0, -- The current attempt; grows only after the gateway declined the one before
  attempt_open boolean not null default false, -- The current attempt has no definite answer yet
  first_sent_at timestamp with time zone, -- The earliest moment the current attempt's request may have left; its key's shelf life counts from here
  sends integer not null default 0, -- Claims of the current attempt whose request may have reached the gateway
  takeovers integer not null default 0, -- Claims that took the current attempt from a holder whose lease had run out
  retries integer not null default 0, -- Retries used up from the budget
  resolves integer not null default 0, -- Unknown answers in a row on the current attempt
  unknown_since timestamp with time zone, -- Set while PROCESSING with an unresolved gateway outcome
  needs_review boolean not null default false, -- Parked until an operator decides; no worker claims it
  next_run_at timestamp with time zone not null default clock_timestamp(), -- The next step is due at this moment; a job should be ready in Redis from then on
  schedule_no integer not null default 0, -- Part of the job id; grows when a lost job is replaced, so that a stale marker cannot hide it
  failure_code text,
  failure_kind text,
  gateway text,
  gateway_ref text, -- The gateway's id of the charge, as soon as it gave one for the current attempt
  event_seq integer not null default 0, -- Sequence number of the latest event
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  late_charge_ref text, -- The gateway's id of a charge that was reported for an attempt that is not the open one; only an operator decides such a payment
  traceparent text, -- W3C Trace Context of that request; null when it was not traced
  open_charges integer not null default 0, -- Unresolved contradictions that stand for a charge; kept by a trigger on reconciliation_breaks
  looked_up_fence bigint, -- Fence under which the gateway answered that it does not know the open attempt; counts while the fence is the same
  created_by text, -- Actor of event 1, payment.created; null when that event is a row
  queued_at timestamp with time zone, -- Time of event 2, payment.queued; null when that event is a row
  queued_by text, -- Actor of event 2
  claimed_at timestamp with time zone, -- Time of event 3, payment.processing, the first claim; null when that event is a row
  claimed_by text, -- Actor of events 3 and 4
  ended_at timestamp with time zone, -- Time of event 4, payment.succeeded, after the first send; null when that event is a row
  request_digest bytea, -- From fp_version 2 on, in place of request_hash: SHA-256 of the request with its idempotency key
  has_details boolean, -- Whether payment_details has a row; null for none
  manual_capture boolean, -- The charge is only authorized, and captured later; null for at once
  customer_present boolean, -- The customer can answer a question of the bank; null for off session
  priority text, -- Priority of its jobs: high or low; null for default
  execute_at timestamp with time zone, -- Nothing is sent before; null for at once
  expires_at timestamp with time zone, -- Nothing is sent from then on; null for never
  parent_id text, -- The charge that a capture, void or refund is about; null for a charge
  charge_ref text, -- The gateway's id of the charge that a refund is about when it is not the one its payment succeeded with
  claimed_fence bigint, -- Fence of the latest claim by a program that knows movements; null for a charge
  amount_captured bigint, -- What was captured of an authorization; null where the whole amount was charged at once
  refunds_reserved bigint, -- Sum of the refunds that have not failed; kept by triggers
  amount_refunded bigint, -- Sum of the refunds that succeeded; kept by triggers
  waits_for text, -- Whom a PROCESSING payment waits for without a job or a lease
  waits_until timestamp with time zone, -- When that wait ends
  account text, -- Whose payment it is, and its captures, voids and refunds; null for default
  account_fence bigint, -- Fence of the latest claim by a program that knows accounts; null for default
  next_gateway text, -- Gateway of the next attempt, chosen when the attempt before was closed; null for any
  dispute_status text, -- Status of the latest dispute about its charge; null without one
  token_gateway text, -- Gateway whose token the payment has, where the token names none: attempts begin nowhere else; null for any
  constraint payments_amount_in_range CHECK (((amount >= 1) AND (amount <= '9007199254740991'::bigint))),
  constraint payments_currency_is_iso CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint payments_idempotency_key_key UNIQUE (idempotency_key),
  constraint payments_members_fit CHECK (((starts_with(id, 'pay_'::text) AND (num_nonnulls(parent_id, failure_kind, priority, expires_at, amount_captured, refunds_reserved, amount_refunded, waits_for, account) = 0)) OR payments_members_fit(id, status, amount, parent_id, failure_kind, priority, execute_at, expires_at, amount_captured, refunds_reserved, amount_refunded, waits_for, attempt_open, needs_review, unknown_since, account, fence, account_fence, lease_until))),
  constraint payments_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES payments(id),
  constraint payments_pkey PRIMARY KEY (id),
  constraint payments_status_known CHECK ((status = ANY (ARRAY['PENDING'::text, 'QUEUED'::text, 'PROCESSING'::text, 'SUCCESS'::text, 'FAILED'::text])))
);
CREATE INDEX payments_account_idx ON payments USING btree (account, id) WHERE (account IS NOT NULL);
CREATE INDEX payments_account_movements_idx ON payments USING btree (account, split_part(id, '_'::text, 2)) WHERE ((account IS NOT NULL) AND (parent_id IS NOT NULL));
CREATE UNIQUE INDEX payments_charge_of_one_payment ON payments USING btree (gateway, gateway_ref) WHERE ((status = 'SUCCESS'::text) AND (parent_id IS NULL));
CREATE INDEX payments_expiring_idx ON payments USING btree (expires_at, id) WHERE ((expires_at IS NOT NULL) AND (status = ANY (ARRAY['PENDING'::text, 'QUEUED'::text])));
CREATE INDEX payments_failed_idx ON payments USING btree (id) WHERE (status = 'FAILED'::text);
CREATE UNIQUE INDEX payments_one_capture_or_void ON payments USING btree (parent_id) WHERE ((parent_id IS NOT NULL) AND (status <> 'FAILED'::text) AND ("left"(id, 4) <> 'ref_'::text));
CREATE UNIQUE INDEX payments_one_refund_of_charge ON payments USING btree (parent_id, charge_ref) WHERE ((charge_ref IS NOT NULL) AND (status <> 'FAILED'::text));
CREATE INDEX payments_parent_idx ON payments USING btree (parent_id, split_part(id, '_'::text, 2)) WHERE (parent_id IS NOT NULL);
CREATE INDEX payments_pending_idx ON payments USING btree (next_run_at, id) WHERE (status = 'PENDING'::text);
CREATE INDEX payments_processing_idx ON payments USING btree (next_run_at, id) WHERE ((status = 'PROCESSING'::text) AND (NOT needs_review) AND (waits_for IS NULL));
CREATE INDEX payments_queued_idx ON payments USING btree (next_run_at, id) WHERE (status = 'QUEUED'::text);
CREATE UNIQUE INDEX payments_refund_of_one_movement ON payments USING btree (gateway, gateway_ref) WHERE ((parent_id IS NOT NULL) AND (status = 'SUCCESS'::text) AND ("left"(id, 4) = 'ref_'::text));
CREATE INDEX payments_review_idx ON payments USING btree (updated_at, id) WHERE needs_review;
CREATE INDEX payments_times_idx ON payments USING brin (created_at, queued_at, claimed_at, ended_at) WITH (pages_per_range='16', autosummarize='on');
CREATE INDEX payments_waiting_idx ON payments USING btree (next_run_at, id) WHERE (waits_for IS NOT NULL);
CREATE TRIGGER payments_check_frozen BEFORE UPDATE OF id, amount, currency, idempotency_key, request_hash, fp_version ON payments FOR EACH ROW EXECUTE FUNCTION payments_check_frozen();
CREATE TRIGGER payments_check_insert BEFORE INSERT ON payments FOR EACH ROW WHEN (((new.status <> 'PENDING'::text) OR (COALESCE(new.queued_at, new.claimed_at, new.ended_at) IS NOT NULL) OR (COALESCE(new.queued_by, new.claimed_by, new.account) IS NOT NULL) OR ((new.parent_id IS NULL) AND (strpos(new.idempotency_key, ' '::text) > 0)))) EXECUTE FUNCTION payments_check_insert();
CREATE TRIGGER payments_check_members BEFORE UPDATE OF request_digest, has_details, manual_capture, customer_present, priority, execute_at, expires_at, account ON payments FOR EACH ROW EXECUTE FUNCTION payments_check_members();
CREATE TRIGGER payments_check_movement BEFORE INSERT ON payments FOR EACH ROW WHEN ((new.parent_id IS NOT NULL)) EXECUTE FUNCTION payments_check_movement();
CREATE TRIGGER payments_check_movement_frozen BEFORE UPDATE OF parent_id, charge_ref, amount_captured ON payments FOR EACH ROW WHEN (((new.parent_id IS DISTINCT FROM old.parent_id) OR (new.charge_ref IS DISTINCT FROM old.charge_ref) OR ((old.amount_captured IS NOT NULL) AND (new.amount_captured IS DISTINCT FROM old.amount_captured)))) EXECUTE FUNCTION payments_check_movement_frozen();
CREATE TRIGGER payments_check_token_gateway BEFORE UPDATE OF attempt_no, token_gateway ON payments FOR EACH ROW WHEN (((new.token_gateway IS DISTINCT FROM old.token_gateway) OR ((new.attempt_no > old.attempt_no) AND (split_part(new.gateway, '@'::text, 1) <> new.token_gateway)))) EXECUTE FUNCTION payments_check_token_gateway();
CREATE TRIGGER payments_check_transition BEFORE UPDATE OF status, fence, attempt_no, attempt_open, gateway_ref, failure_code, failure_kind, event_seq, created_at, created_by, queued_at, queued_by, claimed_at, claimed_by, ended_at, gateway ON payments FOR EACH ROW EXECUTE FUNCTION payments_check_transition();
CREATE TRIGGER payments_end_movement AFTER UPDATE OF status ON payments FOR EACH ROW WHEN (((new.parent_id IS NOT NULL) AND (new.status <> old.status) AND (new.status = ANY (ARRAY['SUCCESS'::text, 'FAILED'::text])))) EXECUTE FUNCTION payments_end_movement();
CREATE TRIGGER payments_reserve_refund AFTER INSERT ON payments FOR EACH ROW WHEN (((new.parent_id IS NOT NULL) AND ("left"(new.id, 4) = 'ref_'::text) AND (new.charge_ref IS NULL))) EXECUTE FUNCTION payments_reserve_refund();
CREATE TRIGGER payments_write_first_attempt AFTER UPDATE OF event_seq ON payments FOR EACH ROW WHEN (((old.claimed_at IS NOT NULL) AND (old.event_seq = 3) AND (new.event_seq <> 3) AND (new.ended_at IS NULL))) EXECUTE FUNCTION payments_write_first_attempt();

-- By queue, and by partition (<queue>:<n>) where it has several: the last Redis known to hold the jobs; a change makes the reconciler look at every unfinished payment there
create table queue_epochs (
  queue text not null,
  epoch text not null,
  run_id text not null,
  seen_at timestamp with time zone not null default clock_timestamp(),
  partitions smallint not null default 1, -- Partitions over which the jobs of the queue are spread; 1 for a partition
  constraint queue_epochs_partitions_possible CHECK (((partitions >= 1) AND (partitions <= 64))),
  constraint queue_epochs_pkey PRIMARY KEY (queue)
);

-- Facts at a gateway that contradict the payments table, each recorded once
create table reconciliation_breaks (
  id bigint not null generated always as identity,
  kind text not null,
  payment_id text,
  gateway text not null,
  reference text not null, -- The gateway's id of the charge, or our gateway key where it gave none
  detail jsonb,
  detected_at timestamp with time zone not null default clock_timestamp(),
  resolved_at timestamp with time zone,
  resolution text,
  refund_ref text, -- The gateway's id of the refund of this charge: the money went back
  resolved_by text, -- The operator who resolved it
  constraint reconciliation_breaks_kind_known CHECK ((kind = ANY (ARRAY['missing_at_gateway'::text, 'missing_here'::text, 'amount_mismatch'::text, 'currency_mismatch'::text, 'status_mismatch'::text, 'duplicate_charge'::text, 'late_charge'::text, 'refund_failed'::text]))),
  constraint reconciliation_breaks_once UNIQUE (kind, gateway, reference),
  constraint reconciliation_breaks_pkey PRIMARY KEY (id),
  constraint reconciliation_breaks_refund_is_resolved CHECK (((refund_ref IS NULL) OR (resolved_at IS NOT NULL)))
);
CREATE INDEX reconciliation_breaks_compared_idx ON reconciliation_breaks USING btree (gateway, detected_at) WHERE ((resolved_at IS NULL) AND (detail ? 'found_by'::text));
CREATE INDEX reconciliation_breaks_open_idx ON reconciliation_breaks USING btree (detected_at) WHERE (resolved_at IS NULL);
CREATE INDEX reconciliation_breaks_payment_idx ON reconciliation_breaks USING btree (payment_id);
CREATE TRIGGER reconciliation_breaks_count_open AFTER INSERT OR DELETE OR UPDATE OF kind, payment_id, resolved_at ON reconciliation_breaks FOR EACH ROW EXECUTE FUNCTION reconciliation_breaks_count_open();

-- How far each gateway's own list was compared with the payments
create table reconciliation_marks (
  gateway text not null,
  account text not null default 'default'::text,
  done_until timestamp with time zone not null, -- Every record before this time was compared
  lease_owner text,
  lease_until timestamp with time zone, -- One program compares at a time, until then at the latest
  constraint reconciliation_marks_pkey PRIMARY KEY (gateway, account)
);

-- Routing of payments to gateways: the first rule that matches holds, and each member that is null matches all
create table routing_rules (
  rank integer not null,
  account text,
  currency text,
  min_amount bigint, -- Least amount in minor units, as the largest one inclusive
  max_amount bigint,
  payment_method text, -- Beginning of the gateway's token
  gateways text[] not null, -- Gateways in order of preference
  declines text[], -- Decline codes after which the next gateway may be tried; null for all that a second gateway may answer differently
  constraint routing_rules_amounts_in_order CHECK ((min_amount <= max_amount)),
  constraint routing_rules_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  constraint routing_rules_declines_check CHECK ((array_position(declines, NULL::text) IS NULL)),
  constraint routing_rules_gateways_check CHECK ((((cardinality(gateways) >= 1) AND (cardinality(gateways) <= 16)) AND (array_position(gateways, NULL::text) IS NULL))),
  constraint routing_rules_max_amount_check CHECK ((max_amount >= 1)),
  constraint routing_rules_min_amount_check CHECK ((min_amount >= 1)),
  constraint routing_rules_payment_method_check CHECK (((length(payment_method) >= 1) AND (length(payment_method) <= 255))),
  constraint routing_rules_pkey PRIMARY KEY (rank),
  constraint routing_rules_rank_check CHECK ((rank >= 1))
);

create table schema_migrations (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default clock_timestamp(),
  constraint schema_migrations_pkey PRIMARY KEY (name)
);

-- One request to an endpoint and what came of it
create table webhook_attempts (
  delivery_id bigint not null,
  attempt_no integer not null,
  at timestamp with time zone not null default clock_timestamp(), -- When the answer was in, or there was none to wait for any more
  duration_ms integer not null,
  code integer, -- HTTP status, when there was an answer
  error text, -- Kind of failure; null for a success
  detail text,
  response text, -- The beginning of the response body
  constraint webhook_attempts_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES webhook_deliveries(id) ON DELETE CASCADE,
  constraint webhook_attempts_pkey PRIMARY KEY (delivery_id, attempt_no),
  constraint webhook_attempts_response_size CHECK ((octet_length(response) <= 20480))
);

-- One event to one endpoint
create table webhook_deliveries (
  id bigint not null generated always as identity,
  event_id text not null collate C,
  endpoint_id text not null,
  status text not null,
  attempts integer not null default 0, -- Attempts in all; each is a row of webhook_attempts
  tries integer not null default 0, -- Attempts of the present run through the schedule; a redelivery begins again at 0
  dispatches integer not null default 0, -- Times it was handed to the queue; a result counts only for the latest
  next_attempt_at timestamp with time zone, -- The schedule, and the only one: what is in Redis is a hint
  leased_until timestamp with time zone, -- Handed to the queue; due again at this moment if nothing came back
  last_code integer,
  last_error text,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  constraint webhook_deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES webhook_endpoints(id) ON DELETE CASCADE,
  constraint webhook_deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES webhook_events(id) ON DELETE CASCADE,
  constraint webhook_deliveries_lease_pending CHECK (((leased_until IS NULL) OR (status = 'PENDING'::text))),
  constraint webhook_deliveries_once UNIQUE (event_id, endpoint_id),
  constraint webhook_deliveries_pending_is_due CHECK (((status = 'PENDING'::text) = (next_attempt_at IS NOT NULL))),
  constraint webhook_deliveries_pkey PRIMARY KEY (id),
  constraint webhook_deliveries_status_known CHECK ((status = ANY (ARRAY['PENDING'::text, 'DELIVERED'::text, 'FAILED'::text])))
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries USING btree (endpoint_id, next_attempt_at) WHERE (status = 'PENDING'::text);
CREATE INDEX webhook_deliveries_endpoint_idx ON webhook_deliveries USING btree (endpoint_id, id);
CREATE INDEX webhook_deliveries_leased_idx ON webhook_deliveries USING btree (endpoint_id) WHERE (leased_until IS NOT NULL);

-- Receivers of events. A deleted one stays for its history, without its secrets
create table webhook_endpoints (
  id text not null,
  url text not null,
  description text not null default ''::text,
  event_types text[], -- The types that are sent to it; null is every public type
  secret bytea, -- Encrypted (AES-256-GCM) under a key that is not in this database
  old_secret bytea, -- Signs beside the new one until old_secret_until
  old_secret_until timestamp with time zone,
  disabled_at timestamp with time zone,
  disabled_reason text,
  first_failure_at timestamp with time zone, -- Every attempt has failed since then; null after a success
  failures integer not null default 0, -- Failed attempts in a row
  paused_until timestamp with time zone, -- Nothing is sent before: it asked for a pause, or failed too often in a row
  deleted_at timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  account text, -- Whose events it receives; null for default
  constraint webhook_endpoints_account_fkey FOREIGN KEY (account) REFERENCES accounts(id),
  constraint webhook_endpoints_default_is_null CHECK ((account <> 'default'::text)),
  constraint webhook_endpoints_description_length CHECK ((length(description) <= 255)),
  constraint webhook_endpoints_disabled_why CHECK (((disabled_at IS NULL) = (disabled_reason IS NULL))),
  constraint webhook_endpoints_old_secret_ends CHECK (((old_secret IS NULL) = (old_secret_until IS NULL))),
  constraint webhook_endpoints_pkey PRIMARY KEY (id),
  constraint webhook_endpoints_reason_known CHECK ((disabled_reason = ANY (ARRAY['gone'::text, 'failing'::text, 'operator'::text]))),
  constraint webhook_endpoints_secret_while_alive CHECK (((secret IS NULL) = (deleted_at IS NOT NULL))),
  constraint webhook_endpoints_types_chosen CHECK ((cardinality(event_types) > 0)),
  constraint webhook_endpoints_url_length CHECK ((length(url) <= 2048))
);
CREATE TRIGGER webhook_feed_refresh AFTER INSERT OR DELETE OR UPDATE OF event_types, deleted_at OR TRUNCATE ON webhook_endpoints FOR EACH STATEMENT EXECUTE FUNCTION webhook_feed_refresh();

-- Events that had a receiver, and news about the endpoints themselves
create table webhook_events (
  id text not null collate C, -- Goes out as webhook-id; the receiver tells repetitions by it
  type text not null,
  payment_id text,
  payload text not null,
  at timestamp with time zone not null, -- When it happened
  created_at timestamp with time zone not null default clock_timestamp(),
  account text, -- Whose endpoints receive it; null for default
  constraint webhook_events_of_dispute CHECK (((type !~ '^dispute\.'::text) OR (payload ~~ '%"dispute_id"%'::text))),
  constraint webhook_events_of_payment CHECK ((payment_id !~ '^(cap|ref|void)_'::text)),
  constraint webhook_events_payload_size CHECK ((octet_length(payload) < 20000)),
  constraint webhook_events_pkey PRIMARY KEY (id)
);
CREATE INDEX webhook_events_account_idx ON webhook_events USING btree (account, regexp_replace(id, '^evt_((cap|ref|void)_)?'::text, ''::text)) WHERE (account IS NOT NULL);
CREATE INDEX webhook_events_payment_idx ON webhook_events USING btree (payment_id) WHERE (payment_id IS NOT NULL);
CREATE TRIGGER webhook_events_check_account BEFORE INSERT ON webhook_events FOR EACH ROW WHEN (((new.account IS NULL) AND (new.payment_id IS NOT NULL))) EXECUTE FUNCTION webhook_events_check_account();

-- One row: which events of payments go into the outbox
create table webhook_feed (
  is_only boolean not null default true,
  types text[] not null, -- Kept by a trigger on webhook_endpoints
  constraint webhook_feed_has_one_row CHECK (is_only),
  constraint webhook_feed_pkey PRIMARY KEY (is_only)
);

-- Events that somebody may be subscribed to and that were not handed out yet
create table webhook_outbox (
  id bigint not null generated always as identity,
  payment_id text not null,
  seq integer not null,
  constraint webhook_outbox_pkey PRIMARY KEY (id)
);

-- Every intention to move money. Read this rather than a table
create view attempt_history as
  SELECT payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers, outcome, gateway_ref, last_error, decided_at FROM ( SELECT payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers, outcome, gateway_ref, last_error, decided_at FROM payment_attempts UNION ALL SELECT id, 1, gateway, (('titan_'::text || id) || '_1'::text), amount, currency, 1, CASE WHEN ((ended_at IS NOT NULL) OR (event_seq = 3)) THEN claimed_at ELSE NULL::timestamp with time zone END AS "case", first_sent_at, 1, 0, CASE WHEN (ended_at IS NOT NULL) THEN 'SUCCEEDED'::text ELSE NULL::text END AS "case", gateway_ref, NULL::text AS text, ended_at FROM payments) attempt WHERE (created_at IS NOT NULL);

-- The whole history under its former name, for programs of the version before; what they insert becomes rows
create view payment_events as
  SELECT payment_id, seq, type, from_status, to_status, actor, evidence, at FROM payment_history;

-- Every transition of every payment, numbered without gaps within a payment. Read this rather than a table
create view payment_history as
  SELECT payment_id, seq, type, from_status, to_status, actor, evidence, at FROM ( SELECT payment_id, seq, type, from_status, to_status, actor, evidence, at FROM payment_event_rows UNION ALL SELECT id, 1, event_type(id, 'created'::text) AS event_type, NULL::text AS text, 'PENDING'::text, created_by, jsonb_build_object('idempotency_key', idempotency_key) AS jsonb_build_object, created_at FROM payments UNION ALL SELECT id, 2, event_type(id, 'queued'::text) AS event_type, 'PENDING'::text, 'QUEUED'::text, queued_by, NULL::jsonb AS jsonb, queued_at FROM payments UNION ALL SELECT id, 3, event_type(id, 'processing'::text) AS event_type, 'QUEUED'::text, 'PROCESSING'::text, claimed_by, jsonb_build_object('attempt_no', 1, 'fence', 1) AS jsonb_build_object, claimed_at FROM payments UNION ALL SELECT id, 4, event_type(id, 'succeeded'::text) AS event_type, 'PROCESSING'::text, 'SUCCESS'::text, claimed_by, jsonb_build_object('attempt_no', 1, 'mode', 'send', 'outcome', 'SUCCEEDED', 'gateway_ref', gateway_ref) AS jsonb_build_object, ended_at FROM payments) event WHERE ((actor IS NOT NULL) AND (at IS NOT NULL));

create function accounts_are_kept() returns trigger language plpgsql as $$
begin
  raise exception 'account %: it cannot be renamed or deleted, because payments name it', old.id
    using errcode = 'check_violation', constraint = 'accounts_are_kept';
end
$$;

create function accounts_closed_to(at_gateway text, gateway_mode text, is_new boolean) returns text[] language plpgsql as $$
declare
  owner constant text := substring(at_gateway from '@([a-z0-9_-]+)[.][0-9]+$');
begin
  return array(
    select a.id
      from accounts a
     where a.paused_at is not null
        or a.mode <> gateway_mode
        or a.id <> owner
        or is_new and exists (
             select from gateway_credentials c
              where c.account = a.id and c.ended_at is null and c.place <> at_gateway
                and c.gateway = split_part(at_gateway, '@', 1))
        -- Nor does an attempt begin at a place that has ended.
        or is_new and owner is not null and not exists (
             select from gateway_credentials c where c.place = at_gateway and c.ended_at is null)
     order by a.id);
end
$$;

create function accounts_keep_mode() returns trigger language plpgsql as $$
begin
  raise exception 'account %: it is a % account', old.id, old.mode
    using errcode = 'check_violation', constraint = 'accounts_keep_mode';
end
$$;

create function close_refunded_charge(refund payments, parent payments, actor text) returns void language plpgsql as $$
declare
  closed text[];
begin
  with closing as (
    update reconciliation_breaks
       set resolved_at = clock_timestamp(), resolution = 'refunded by ' || refund.id, refund_ref = refund.gateway_ref,
           resolved_by = actor
     where payment_id = parent.id and reference = refund.charge_ref and resolved_at is null and stands_for_charge(kind)
    returning kind
  )
  select array_agg(kind) into closed from closing;
  update payments
     set status = 'FAILED', fence = fence + 1, needs_review = false, resolves = 0, attempt_open = false, unknown_since = null,
         next_run_at = clock_timestamp(), gateway_ref = null, failure_code = 'refunded', failure_kind = 'operator',
         event_seq = event_seq + 1, updated_at = clock_timestamp()
   where id = parent.id and status = 'PROCESSING' and needs_review and (lease_until is null or lease_until < clock_timestamp())
     and closed is not null and open_charges = 0
     -- A late charge is of an attempt before, and says nothing about the open one.
     and (not attempt_open or looked_up_fence is not distinct from fence or not 'late_charge' = any(closed))
  returning * into parent;
  if not found then
    return;
  end if;
  update payment_attempts set outcome = 'DECLINED', decided_at = clock_timestamp()
   where payment_id = parent.id and attempt_no = parent.attempt_no and outcome is null;
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  values (parent.id, parent.event_seq, 'payment.failed', 'PROCESSING', 'FAILED', actor,
          jsonb_build_object('movement_id', refund.id, 'gateway_ref', refund.charge_ref, 'refund_ref', refund.gateway_ref));
end
$$;

create function event_type(id text, step text) returns text language sql as $$
  select case when left(id, 4) = 'ref_' then 'refund.' when left(id, 4) = 'cap_' then 'capture.'
              when left(id, 5) = 'void_' then 'void.' else 'payment.' end || step
$$;

create function gateway_credentials_fit() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and (new.place, new.account, new.gateway, new.number, new.mode)
                          is distinct from (old.place, old.account, old.gateway, old.number, old.mode) then
    raise exception 'credentials % cannot become those of another place', old.place
      using errcode = 'check_violation', constraint = 'gateway_credentials_are_kept';
  end if;
  if exists (select from accounts a where a.id = new.account and a.mode <> new.mode) then
    raise exception 'credentials %: a % account cannot have % ones', new.place,
      (select mode from accounts where id = new.account), new.mode
      using errcode = 'check_violation', constraint = 'gateway_credentials_fit_account';
  end if;
  return new;
end
$$;

create function held_until() returns timestamp with time zone language sql as $$ select timestamptz '9999-01-01 00:00:00+00' $$;

create function movement_kind(id text) returns text language sql as $$
  select case when left(id, 4) = 'ref_' then 'refund' when left(id, 4) = 'cap_' then 'capture'
              when left(id, 5) = 'void_' then 'void' else 'charge' end
$$;

create function note_events(payment text, first integer, last integer) returns boolean language plpgsql as $$
begin
  insert into webhook_outbox (payment_id, seq)
  select payment, event.seq
    from webhook_feed feed
   cross join (values (1, 'created'), (2, 'queued'), (3, 'processing'), (4, 'succeeded')) event (seq, step)
   where event.seq between first and last and event_type(payment, event.step) = any(feed.types)
   order by event.seq;
  return true;
end
$$;

create function open_charge(payment text, charge text, OUT amount bigint, OUT currency text, OUT gateway text) returns record language sql as $$
  select coalesce(b.detail ->> 'charged_amount', b.detail ->> 'amount')::bigint,
         coalesce(b.detail ->> 'charged_currency', b.detail ->> 'currency'), b.gateway
    from reconciliation_breaks b
    join payments p on p.id = b.payment_id
   where b.payment_id = payment and b.reference = charge and b.resolved_at is null
     and b.kind in ('late_charge', 'duplicate_charge', 'amount_mismatch', 'currency_mismatch')
     -- What a payment succeeded with is its own charge, no contradiction.
     and not (p.status = 'SUCCESS' and p.gateway_ref is not distinct from charge)
   limit 1
$$;

create function operator_actions_append_only() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.outcome is null and new.outcome is not null
       and (new.id, new.at, new.operator, new.action, new.target, new.note, new.credential, new.is_proven)
           = (old.id, old.at, old.operator, old.action, old.target, old.note, old.credential, old.is_proven) then
      return new;
    end if;
  end if;
  raise exception 'operator_actions is append only'
    using errcode = 'check_violation', constraint = 'operator_actions_append_only';
end
$$;

create function payment_attempts_check_insert() returns trigger language plpgsql as $$
begin
  -- A new key is safe once the gateway itself stored a decline under the previous one, or, at another gateway, when nothing was
  -- ever sent under it.
  if not exists (select from payment_attempts a
                  where a.payment_id = new.payment_id and a.attempt_no = new.attempt_no - 1
                    and (a.outcome = 'DECLINED'
                         or a.outcome = 'NOT_SENT' and a.sends = 0 and a.takeovers = 0 and a.gateway <> new.gateway)) then
    raise exception 'payment %: attempt % needs an attempt before it that was declined, or never sent to another gateway',
      new.payment_id, new.attempt_no
      using errcode = 'check_violation', constraint = 'payment_attempts_follow_decline';
  end if;
  return new;
end
$$;

create function payment_attempts_check_not_sent() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: attempt % may have been sent, so it cannot be closed as NOT_SENT', new.payment_id, new.attempt_no
    using errcode = 'check_violation', constraint = 'payment_attempts_not_sent_is_unsent';
end
$$;

create function payment_attempts_check_update() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: attempt % is frozen', old.payment_id, old.attempt_no
    using errcode = 'check_violation', constraint = 'payment_attempts_are_frozen';
end
$$;

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

create function payment_details_mark() returns trigger language plpgsql as $$
begin
  update payments set has_details = true where id = new.payment_id and has_details is not true;
  return null;
end
$$;

create function payment_events_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'payment_events is append only'
    using errcode = 'check_violation', constraint = 'payment_events_append_only';
end
$$;

create function payment_events_insert() returns trigger language plpgsql as $$
begin
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence, at)
  values (new.payment_id, new.seq, new.type, new.from_status, new.to_status, new.actor, new.evidence,
          coalesce(new.at, clock_timestamp()));
  return new;
end
$$;

create function payments_check_frozen() returns trigger language plpgsql as $$
begin
  if (new.id, new.amount, new.currency, new.idempotency_key, new.request_hash, new.fp_version)
     is distinct from (old.id, old.amount, old.currency, old.idempotency_key, old.request_hash, old.fp_version) then
    raise exception 'payment %: what the client asked for cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;
  return new;
end
$$;

create function payments_check_insert() returns trigger language plpgsql as $$
declare
  rule text;
begin
  if new.status <> 'PENDING' or coalesce(new.queued_at, new.claimed_at, new.ended_at) is not null
     or coalesce(new.queued_by, new.claimed_by) is not null then
    raise exception 'payment % cannot begin as %, or with more than its first event', new.id, new.status
      using errcode = 'check_violation', constraint = 'payments_begin_pending';
  end if;
  -- That of a capture, void or refund is its payment's.
  if new.parent_id is null then
    rule := case
      when new.account = 'default' then 'payments_default_is_null'
      when new.idempotency_key is distinct from
           concat_ws(' ', new.account, split_part(new.idempotency_key, ' ', case when new.account is null then 1 else 2 end))
           or split_part(new.idempotency_key, ' ', 2) = '' and new.account is not null then 'payments_key_of_account'
      when new.account is not null and not exists (select from accounts a where a.id = new.account) then 'payments_account_exists'
    end;
  end if;
  if rule is not null then
    raise exception 'payment % breaks %', new.id, rule using errcode = 'check_violation', constraint = rule;
  end if;
  return new;
end
$$;

create function payments_check_members() returns trigger language plpgsql as $$
begin
  if (new.request_digest, new.manual_capture, new.customer_present, new.priority, new.execute_at, new.expires_at, new.account)
     is distinct from
     (old.request_digest, old.manual_capture, old.customer_present, old.priority, old.execute_at, old.expires_at, old.account)
     or old.has_details and new.has_details is not true then
    raise exception 'payment %: what the client asked for cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;
  return new;
end
$$;

create function payments_check_movement() returns trigger language plpgsql as $$
declare
  kind   constant text := movement_kind(new.id);
  parent payments%rowtype;
  rule   text;
begin
  select * into parent from payments where id = new.parent_id for update;
  rule := case
    when parent.id is null or parent.parent_id is not null then 'payments_movement_of_charge'
    when new.charge_ref is not null then
      case when kind <> 'refund' or not exists (
                  select from open_charge(parent.id, new.charge_ref) c where c.amount = new.amount and c.currency = new.currency)
           then 'payments_refund_of_open_charge' end
    when new.currency <> parent.currency then 'payments_movement_in_currency'
    when kind = 'refund' then case when parent.status <> 'SUCCESS' then 'payments_refund_of_success' end
    when parent.status <> 'PROCESSING' or parent.waits_for is distinct from 'capture' or parent.needs_review
      then 'payments_movement_of_authorized'
    when kind = 'capture' and new.amount > parent.amount then 'payments_capture_fits'
    when kind = 'void' and new.amount <> parent.amount then 'payments_void_is_whole'
  end;
  if rule is not null then
    raise exception 'movement % of payment % breaks %', new.id, new.parent_id, rule
      using errcode = 'check_violation', constraint = rule;
  end if;
  -- The charge is at this gateway, and no other one can move it.
  new.gateway := case when new.charge_ref is null then parent.gateway
                      else (select c.gateway from open_charge(parent.id, new.charge_ref) c) end;
  -- Whatever program asks, and whatever it knows of accounts.
  new.account := parent.account;
  return new;
end
$$;

create function payments_check_movement_frozen() returns trigger language plpgsql as $$
begin
  raise exception 'payment %: its parent, its gateway and what was captured cannot change', old.id
    using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
end
$$;

create function payments_check_token_gateway() returns trigger language plpgsql as $$
begin
  if new.token_gateway is distinct from old.token_gateway then
    raise exception 'payment %: the gateway of its token cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;
  -- A program of the version before would send the token to its own gateway.
  raise exception 'payment %: its token is of the gateway %, not of %', old.id, old.token_gateway, new.gateway
    using errcode = 'check_violation', constraint = 'payments_attempt_at_token_gateway';
end
$$;

create function payments_check_transition() returns trigger language plpgsql as $$
declare
  rule text;
begin
  -- The steps of a payment without incident keep every rule that follows; all of it is one expression.
  if new.created_at = old.created_at and new.created_by is not distinct from old.created_by and (case new.status
       when 'QUEUED' then
         old.status = 'PENDING' and old.event_seq = 1 and new.event_seq = 2
         and new.fence = old.fence and new.attempt_no = old.attempt_no
         and new.queued_at is not null and new.queued_by is not null and coalesce(new.claimed_at, new.ended_at) is null
         and coalesce(new.claimed_by, new.gateway) is null
       when 'PROCESSING' then
         (old.status = 'QUEUED' and old.event_seq = 2 and new.queued_at is not distinct from old.queued_at
            and new.queued_by is not distinct from old.queued_by
          or old.status = 'PENDING' and old.event_seq = 1 and new.queued_at is not null and new.queued_by is not null)
         and new.event_seq = 3 and old.fence = 0 and new.fence = 1 and old.attempt_no = 0 and new.attempt_no = 1
         and not old.attempt_open and new.claimed_at is not null and new.claimed_by is not null and new.ended_at is null
         and new.parent_id is null
         and (new.claimed_fence = 1
              or num_nonnulls(new.has_details, new.manual_capture, new.customer_present, new.expires_at) = 0)
       when 'SUCCESS' then
         old.status = 'PROCESSING' and old.event_seq = 3 and new.event_seq = 4 and old.fence = 1 and new.fence = 1
         and new.attempt_no = old.attempt_no and new.gateway_ref is not null and not new.attempt_open
         and new.ended_at is not null and new.sends = 1 and new.takeovers = 0 and new.claimed_at = old.claimed_at
         and new.claimed_by = old.claimed_by and new.queued_at is not distinct from old.queued_at
         and new.queued_by is not distinct from old.queued_by and new.gateway = old.gateway
       else false
     end) then
    return new;
  end if;

  if new.fence > old.fence or new.attempt_no > old.attempt_no then
    if new.parent_id is not null and new.fence > old.fence and new.claimed_fence is distinct from new.fence then
      raise exception 'movement %: a program that does not know movements cannot claim it', old.id
        using errcode = 'check_violation', constraint = 'payments_claimed_by_kind';
    elsif (new.has_details or new.manual_capture or new.customer_present or new.expires_at is not null)
          and new.fence > old.fence and new.claimed_fence is distinct from new.fence
          -- Nothing is sent by a decision of an operator, or by what a gateway reports.
          and (new.sends > old.sends or new.attempt_no > old.attempt_no) then
      raise exception 'payment %: a program that does not know what the client asked for cannot claim it', old.id
        using errcode = 'check_violation', constraint = 'payments_claimed_with_details';
    elsif old.late_charge_ref is not null and new.attempt_no > old.attempt_no then
      raise exception 'payment %: no attempt follows a charge that came to light late', old.id
        using errcode = 'check_violation', constraint = 'payments_no_attempt_after_charge';
    elsif old.next_gateway is not null and new.attempt_no > old.attempt_no then
      -- A program that does not know routes would repeat at its own gateway what was to go to another one.
      if new.gateway is distinct from old.next_gateway then
        raise exception 'payment %: its next attempt is at the gateway %, not at %', old.id, old.next_gateway, new.gateway
          using errcode = 'check_violation', constraint = 'payments_attempt_at_next_gateway';
      end if;
      new.next_gateway := null;
    end if;
  end if;
  if new.next_gateway is not null and new.next_gateway is distinct from old.next_gateway
     and (new.attempt_open or new.status <> 'QUEUED' or new.parent_id is not null) then
    raise exception 'payment %: a next gateway is chosen only when an attempt of a charge was closed', old.id
      using errcode = 'check_violation', constraint = 'payments_next_gateway_after_attempt';
  end if;
  if new.open_charges > 0 and new.status = 'FAILED' and old.status <> 'FAILED'
     -- A refund closes its contradiction in the statement that ends the payment: the count follows at its end.
     and exists (select from reconciliation_breaks b
                  where b.payment_id = new.id and b.resolved_at is null and b.kind <> 'missing_at_gateway') then
    raise exception 'payment %: a charge is on record that was not refunded, so it cannot become FAILED', new.id
      using errcode = 'check_violation', constraint = 'payments_failed_without_open_charge';
  end if;
  if new.gateway <> old.gateway and new.parent_id is not null then
    raise exception 'payment %: its parent and what was captured cannot change', old.id
      using errcode = 'check_violation', constraint = 'payments_request_is_frozen';
  end if;

  if new.created_by is distinct from old.created_by
     or new.created_at <> old.created_at and old.created_by is not null
     or (new.queued_at, new.queued_by) is distinct from (old.queued_at, old.queued_by)
        and (old.queued_at is not null or old.event_seq <> 1 or new.event_seq = 1 or num_nulls(new.queued_at, new.queued_by) <> 0)
     or (new.claimed_at, new.claimed_by) is distinct from (old.claimed_at, old.claimed_by)
        and (old.claimed_at is not null or old.fence <> 0 or new.fence <> 1 or new.event_seq <> 3
             or num_nulls(new.claimed_at, new.claimed_by) <> 0)
     or new.ended_at is distinct from old.ended_at
        and (old.ended_at is not null or old.event_seq <> 3 or new.event_seq <> 4 or new.status <> 'SUCCESS'
             or new.claimed_at is null or new.fence <> 1 or new.sends <> 1 or new.takeovers <> 0)
     -- As payment_attempts_are_frozen, for an attempt without a row. A charge that came to light late may be at another gateway.
     or new.gateway is distinct from old.gateway and new.attempt_no = old.attempt_no
        and not (new.status = 'SUCCESS' and old.status = 'PROCESSING' and old.needs_review
                 and exists (select from reconciliation_breaks b
                              where b.payment_id = new.id and b.kind = 'late_charge' and b.gateway = new.gateway
                                and b.reference = new.gateway_ref)) then
    raise exception 'payment %: an event of it was changed, or set at another step than its own', old.id
      using errcode = 'check_violation', constraint = 'payments_events_are_frozen';
  end if;

  if old.status in ('SUCCESS', 'FAILED') then
    if (new.status, new.fence, new.attempt_no, new.gateway_ref, new.failure_code, new.failure_kind)
       is distinct from (old.status, old.fence, old.attempt_no, old.gateway_ref, old.failure_code, old.failure_kind) then
      rule := 'payments_terminal_is_final';
    end if;
  elsif new.fence < old.fence then
    rule := 'payments_fence_grows';
  elsif new.attempt_no < old.attempt_no or new.attempt_no > old.attempt_no + 1 then
    rule := 'payments_attempts_count_up';
  elsif new.attempt_no > old.attempt_no and old.attempt_open then
    rule := 'payments_one_attempt_at_a_time';
  elsif new.status <> old.status then
    rule := case
      when new.event_seq <= old.event_seq then 'payments_transition_has_event'
      when new.status = 'PROCESSING' and old.status in ('PENDING', 'QUEUED') then
        case when new.fence <= old.fence then 'payments_claim_moves_fence' end
      when new.status = 'QUEUED' and old.status = 'PENDING' then null
      -- An unknown outcome ends only with an answer for the attempt itself.
      when new.status = 'QUEUED' and old.status = 'PROCESSING' then
        case when old.unknown_since is not null and new.attempt_open then 'payments_unknown_needs_evidence' end
      when new.status = 'SUCCESS' and old.status = 'PROCESSING' then
        case when new.gateway_ref is null or new.attempt_open then 'payments_success_has_evidence' end
      when new.status = 'FAILED' and old.status = 'PROCESSING' then
        case
          when new.failure_code is null or new.failure_kind is null or new.attempt_open
            then 'payments_failure_has_evidence'
          when old.unknown_since is not null and new.failure_kind not in ('hard_decline', 'soft_decline', 'operator')
            then 'payments_unknown_needs_evidence'
        end
      when new.status = 'FAILED' and old.status in ('PENDING', 'QUEUED') then
        case
          when new.failure_code is null or new.failure_kind is null then 'payments_failure_has_evidence'
          -- Once an attempt exists, only its own outcome can end the payment.
          when old.attempt_no > 0 then 'payments_cancel_before_attempt'
        end
      else 'payments_legal_transition'
    end;
  end if;
  if rule is not null then
    raise exception 'payment %: % -> % breaks %', old.id, old.status, new.status, rule
      using errcode = 'check_violation', constraint = rule;
  end if;
  return new;
end
$$;

create function payments_end_movement() returns trigger language plpgsql as $$
declare
  kind   constant text := movement_kind(new.id);
  actor  constant text := coalesce(old.lease_owner, new.id);
  parent payments%rowtype;
  step   text;
begin
  select * into parent from payments where id = new.parent_id for update;
  if new.charge_ref is not null then
    if new.status = 'SUCCESS' then
      perform close_refunded_charge(new, parent, actor);
    end if;
    return null;
  end if;
  if kind = 'refund' then
    update payments
       set refunds_reserved = refunds_reserved - case when new.status = 'FAILED' then new.amount else 0 end,
           amount_refunded  = coalesce(amount_refunded, 0) + case when new.status = 'SUCCESS' then new.amount else 0 end,
           updated_at       = clock_timestamp()
     where id = parent.id;
    return null;
  end if;
  -- What refused a capture or void may have ended the authorization: its payment asks the gateway now, not at its next poll.
  if new.status = 'FAILED' then
    update payments
       set next_run_at = clock_timestamp()
     where id = parent.id and waits_for = 'capture' and lease_until is null and next_run_at > clock_timestamp();
    return null;
  end if;
  if parent.status <> 'PROCESSING' then
    perform record_late_movement(new, parent);
    return null;
  end if;
  step := case
    when kind = 'capture' then 'succeeded'
    -- "No money moved" is not true while a charge of it is on record.
    when parent.late_charge_ref is not null or parent.open_charges > 0 then 'needs_review'
    else 'failed'
  end;
  if parent.unknown_since is not null and step = 'failed' then
    -- The void answers for the attempt, so nothing about it is unknown any more.
    update payments set unknown_since = null where id = parent.id;
  end if;
  update payments
     set status          = case step when 'succeeded' then 'SUCCESS' when 'failed' then 'FAILED' else 'PROCESSING' end,
         fence           = fence + 1,
         lease_owner     = null,
         lease_until     = null,
         attempt_open    = false,
         resolves        = 0,
         unknown_since   = case when step = 'needs_review' then coalesce(unknown_since, clock_timestamp()) end,
         needs_review    = step = 'needs_review',
         next_run_at     = clock_timestamp(),
         gateway_ref     = case when step = 'succeeded' then coalesce(gateway_ref, new.gateway_ref) end,
         amount_captured = case when step = 'succeeded' then new.amount end,
         failure_code    = case when step = 'failed' then 'voided' end,
         failure_kind    = case when step = 'failed' then 'canceled' end,
         waits_for       = null,
         waits_until     = null,
         event_seq       = event_seq + 1,
         updated_at      = clock_timestamp()
   where id = parent.id
  returning * into parent;
  update payment_attempts
     set outcome     = case when step = 'succeeded' then 'SUCCEEDED' else 'DECLINED' end,
         gateway_ref = coalesce(parent.gateway_ref, gateway_ref),
         decided_at  = clock_timestamp()
   where payment_id = parent.id and attempt_no = parent.attempt_no and outcome is null;
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor, evidence)
  values (parent.id, parent.event_seq, 'payment.' || step, 'PROCESSING', parent.status, actor,
          jsonb_strip_nulls(jsonb_build_object('attempt_no', parent.attempt_no, 'movement_id', new.id, 'code', parent.failure_code,
                                               'gateway_ref', parent.gateway_ref, 'amount_captured', parent.amount_captured)));
  return null;
end
$$;

create function payments_members_fit(id text, status text, amount bigint, parent_id text, failure_kind text, priority text, execute_at timestamp with time zone, expires_at timestamp with time zone, amount_captured bigint, refunds_reserved bigint, amount_refunded bigint, waits_for text, attempt_open boolean, needs_review boolean, unknown_since timestamp with time zone, account text, fence bigint, account_fence bigint, lease_until timestamp with time zone) returns boolean language plpgsql as $$
declare
  rule constant text := case
    when (parent_id is not null) <> (left(id, 4) in ('cap_', 'ref_') or left(id, 5) = 'void_')
      then 'payments_parent_by_kind'
    when failure_kind not in ('hard_decline', 'soft_decline', 'not_sent', 'canceled', 'expired', 'poison', 'operator')
      then 'payments_failure_kind_known'
    when priority not in ('high', 'low') then 'payments_priority_known'
    when expires_at <= execute_at then 'payments_expire_after_execution'
    when amount_captured not between 0 and amount then 'payments_captured_fits'
    when refunds_reserved not between 0 and coalesce(amount_captured, amount)
         or refunds_reserved is not null and status <> 'SUCCESS' then 'payments_refunds_fit'
    when amount_refunded not between 0 and coalesce(refunds_reserved, 0) then 'payments_refunded_is_reserved'
    when waits_for not in ('capture', 'customer', 'gateway') then 'payments_waits_for_known'
    when waits_for is not null
         and not (status = 'PROCESSING' and attempt_open and not needs_review and unknown_since is null)
      then 'payments_wait_is_in_flight'
    when account is not null and status = 'PROCESSING' and lease_until is not null and not needs_review
         and account_fence is distinct from fence
      then 'payments_claimed_with_account'
  end;
begin
  if rule is not null then
    raise exception 'payment % breaks %', id, rule using errcode = 'check_violation', constraint = rule;
  end if;
  return true;
end
$$;

create function payments_reserve_refund() returns trigger language plpgsql as $$
begin
  update payments
     set refunds_reserved = coalesce(refunds_reserved, 0) + new.amount, updated_at = clock_timestamp()
   where id = new.parent_id;
  return null;
end
$$;

create function payments_write_first_attempt() returns trigger language plpgsql as $$
begin
  insert into payment_attempts as a
         (payment_id, attempt_no, gateway, gateway_key, amount, currency, fence, created_at, first_sent_at, sends, takeovers,
          outcome, decided_at, gateway_ref, last_error)
  select new.id, 1, new.gateway, 'titan_' || new.id || '_1', new.amount, new.currency, new.fence, new.claimed_at,
         new.first_sent_at, new.sends, new.takeovers, closed.outcome,
         case when closed.outcome is not null then new.updated_at end, new.gateway_ref,
         (select coalesce(e.evidence ->> 'reason', e.evidence ->> 'code')
            from payment_event_rows e where e.payment_id = new.id and e.seq = new.event_seq)
    from (select case
                   when new.attempt_open then null
                   when new.status = 'SUCCESS' then 'SUCCEEDED'
                   when new.failure_kind = 'not_sent' then 'NOT_SENT'
                   else 'DECLINED'
                 end as outcome) closed
      -- The statement wrote it, and may not have known when the attempt began.
      on conflict (payment_id, attempt_no) do update
     set created_at = excluded.created_at
   where a.created_at > excluded.created_at and a.outcome is null;
  return null;
end
$$;

create function reconciliation_breaks_count_open() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    if old.resolved_at is null and stands_for_charge(old.kind) then
      update payments set open_charges = open_charges - 1 where id = old.payment_id;
    end if;
  end if;
  if tg_op <> 'DELETE' then
    if new.resolved_at is null and stands_for_charge(new.kind) then
      update payments set open_charges = open_charges + 1 where id = new.payment_id;
    end if;
  end if;
  return null;
end
$$;

create function record_late_movement(movement payments, parent payments) returns void language plpgsql as $$
begin
  if movement_kind(movement.id) = 'capture' and parent.status = 'SUCCESS' then
    update payments set amount_captured = movement.amount
     where id = parent.id and amount_captured is null and coalesce(refunds_reserved, 0) <= movement.amount;
    if found then
      return;
    end if;
  elsif movement_kind(movement.id) = 'void' and parent.status = 'FAILED' then
    return;
  end if;
  insert into reconciliation_breaks (kind, payment_id, gateway, reference, detail)
  values (case when parent.status = 'FAILED' then 'late_charge' else 'status_mismatch' end, parent.id, movement.gateway,
          movement.gateway_ref,
          jsonb_build_object('amount', movement.amount, 'currency', movement.currency, 'movement_id', movement.id))
  on conflict (kind, gateway, reference) do nothing;
end
$$;

create function record_queued(payment text, seq integer, actor text) returns boolean language plpgsql as $$
begin
  insert into payment_event_rows (payment_id, seq, type, from_status, to_status, actor)
  values (payment, seq, event_type(payment, 'queued'), 'PENDING', 'QUEUED', actor);
  return true;
end
$$;

create function stands_for_charge(kind text) returns boolean language sql as $$
  select kind not in ('missing_at_gateway', 'refund_failed')
$$;

create function webhook_events_check_account() returns trigger language plpgsql as $$
begin
  if exists (select from payments p where p.id = new.payment_id and p.account is not null) then
    raise exception 'webhook event %: it belongs to an account', new.id
      using errcode = 'check_violation', constraint = 'webhook_events_of_account';
  end if;
  return new;
end
$$;

create function webhook_feed_refresh() returns trigger language plpgsql as $$
begin
  -- A change that ends later sees the endpoints of the one before.
  perform from webhook_feed for update;
  insert into webhook_feed (types) values (coalesce(webhook_types_wanted(), '{}'))
      on conflict (is_only) do update set types = excluded.types;
  return null;
end
$$;

create function webhook_outbox_fill() returns trigger language plpgsql as $$
begin
  if new.type = any((select types from webhook_feed)::text[]) then
    insert into webhook_outbox (payment_id, seq) values (new.payment_id, new.seq);
  end if;
  return null;
end
$$;

create function webhook_types_wanted() returns text[] language plpgsql as $$
declare
  public_types constant text[] := array[
    'payment.created', 'payment.queued', 'payment.processing', 'payment.authorized', 'payment.requires_action',
    'payment.succeeded', 'payment.failed', 'payment.needs_review',
    'refund.created', 'refund.succeeded', 'refund.failed', 'refund.needs_review',
    'capture.succeeded', 'capture.failed', 'void.succeeded', 'void.failed',
    'dispute.opened', 'dispute.updated', 'dispute.closed'];
begin
  if exists (select from webhook_endpoints where deleted_at is null and event_types is null) then
    return public_types;
  end if;
  return (select array_agg(distinct type)
            from webhook_endpoints endpoint, unnest(endpoint.event_types) as type
           where endpoint.deleted_at is null and type = any(public_types));
end
$$;
