-- Accounts of merchants. An API key and a payment belong to one; null is the account `default`, so payments of a system
-- without accounts cost what they did.

create table accounts (
  id         text        primary key,
  name       text        not null,
  mode       text,
  paused_at  timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  constraint accounts_id_form     check (id ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
  constraint accounts_name_length check (length(name) between 1 and 100),
  constraint accounts_mode_known  check (mode in ('test', 'live'))
);

comment on table  accounts           is 'Whom payments, API keys and webhook endpoints belong to; never deleted';
comment on column accounts.id        is 'Begins the stored idempotency keys of its payments; default is stored as null elsewhere';
comment on column accounts.mode      is 'Which gateways may serve it; null for any';
comment on column accounts.paused_at is 'Since then nothing of it is claimed';

insert into accounts (id, name) values ('default', 'default');

create function accounts_are_kept() returns trigger language plpgsql as $$
begin
  raise exception 'account %: it cannot be renamed or deleted, because payments name it', old.id
    using errcode = 'check_violation', constraint = 'accounts_are_kept';
end
$$;

create trigger accounts_are_kept before delete on accounts for each row execute function accounts_are_kept();
create trigger accounts_keep_id before update of id on accounts
  for each row when (new.id <> old.id) execute function accounts_are_kept();

alter table api_keys
  add column account text references accounts (id),
  add constraint api_keys_default_is_null check (account <> 'default');

comment on column api_keys.account     is 'Whose payments it may see; null for default. Part of what secret_hash is of, so no other program and no change here makes it a key of default';
comment on column api_keys.secret_hash is 'SHA-256 of the second part, of an account other than default with the account and a space before it: 256 random bits, so nothing slower is needed';

alter table payments
  add column account       text,
  add column account_fence bigint;

comment on column payments.account       is 'Whose payment it is, and its captures, voids and refunds; null for default';
comment on column payments.account_fence is 'Fence of the latest claim by a program that knows accounts; null for default';

-- Lists of an account read its own payments only, so they tell nothing of others. Payments of default are in neither.
create index payments_account_idx           on payments (account, id) where account is not null;
create index payments_account_movements_idx on payments (account, split_part(id, '_', 2)) where account is not null and parent_id is not null;

-- A stored key says whose it is. One of default has no space, so no client can choose a key that is stored for another account.
create or replace function payments_check_insert() returns trigger language plpgsql as $$
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

drop trigger payments_check_insert on payments;
create trigger payments_check_insert
  before insert on payments
  for each row when (
    new.status <> 'PENDING' or coalesce(new.queued_at, new.claimed_at, new.ended_at) is not null
    or coalesce(new.queued_by, new.claimed_by, new.account) is not null
    or new.parent_id is null and strpos(new.idempotency_key, ' ') > 0
  ) execute function payments_check_insert();

create or replace function payments_check_movement() returns trigger language plpgsql as $$
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

create or replace function payments_check_members() returns trigger language plpgsql as $$
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

drop trigger payments_check_members on payments;
create trigger payments_check_members
  before update of request_digest, has_details, manual_capture, customer_present, priority, execute_at, expires_at, account on payments
  for each row execute function payments_check_members();

-- A program of the version before would charge an account's payment with the credentials of its own environment, paused or
-- not. A lease says that its holder knows accounts, as one of a movement does.
create function payments_members_fit(
  id text, status text, amount bigint, parent_id text, failure_kind text, priority text, execute_at timestamptz,
  expires_at timestamptz, amount_captured bigint, refunds_reserved bigint, amount_refunded bigint, waits_for text,
  attempt_open boolean, needs_review boolean, unknown_since timestamptz, account text, fence bigint, account_fence bigint,
  lease_until timestamptz
) returns boolean language plpgsql immutable as $$
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

alter table payments
  drop constraint payments_members_fit,
  add constraint payments_members_fit check (
    starts_with(id, 'pay_')
      and num_nonnulls(parent_id, failure_kind, priority, expires_at, amount_captured, refunds_reserved, amount_refunded, waits_for,
                       account) = 0
    or payments_members_fit(id, status, amount, parent_id, failure_kind, priority, execute_at, expires_at, amount_captured,
                            refunds_reserved, amount_refunded, waits_for, attempt_open, needs_review, unknown_since,
                            account, fence, account_fence, lease_until));
drop function payments_members_fit(text, text, bigint, text, text, text, timestamptz, timestamptz, bigint, bigint, bigint, text,
                                   boolean, boolean, timestamptz);
