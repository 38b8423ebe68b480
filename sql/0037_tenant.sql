-- What belongs to an account besides its payments: webhook endpoints and events, credentials of gateways, a pause, a mode.

alter table webhook_endpoints
  add column account text references accounts (id),
  add constraint webhook_endpoints_default_is_null check (account <> 'default');
alter table webhook_events
  add column account text;

create index webhook_events_account_idx on webhook_events (account, regexp_replace(id, '^evt_((cap|ref|void)_)?', ''))
  where account is not null;

comment on column webhook_endpoints.account is 'Whose events it receives; null for default';
comment on column webhook_events.account    is 'Whose endpoints receive it; null for default';

-- A program of the version before would send an event to the endpoints of every account. Its batch fails, and a program that
-- knows accounts takes the notes.
create function webhook_events_check_account() returns trigger language plpgsql as $$
begin
  if exists (select from payments p where p.id = new.payment_id and p.account is not null) then
    raise exception 'webhook event %: it belongs to an account', new.id
      using errcode = 'check_violation', constraint = 'webhook_events_of_account';
  end if;
  return new;
end
$$;

create trigger webhook_events_check_account
  before insert on webhook_events
  for each row when (new.account is null and new.payment_id is not null) execute function webhook_events_check_account();

-- Test and live money never mix, so an account that was marked stays what it is.
create function accounts_keep_mode() returns trigger language plpgsql as $$
begin
  raise exception 'account %: it is a % account', old.id, old.mode
    using errcode = 'check_violation', constraint = 'accounts_keep_mode';
end
$$;

create trigger accounts_keep_mode before update of mode on accounts
  for each row when (old.mode is not null and new.mode is distinct from old.mode) execute function accounts_keep_mode();

-- An attempt is stored with the place of its credentials in place of the name of a gateway. What began at one place continues
-- there, and nothing finds it anywhere else: its key, its charge and its refunds mean nothing to another gateway account.
create table gateway_credentials (
  place      text        primary key,
  account    text        not null references accounts (id),
  gateway    text        not null,
  number     integer     not null,
  mode       text,
  sealed     bytea       not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  ended_at   timestamptz,
  constraint gateway_credentials_place      check (place = gateway || '@' || account || '.' || number),
  constraint gateway_credentials_gateway    check (gateway !~ '@'),
  constraint gateway_credentials_mode_known check (mode in ('test', 'live'))
);

-- New attempts of an account begin at one place of a gateway.
create unique index gateway_credentials_current on gateway_credentials (account, gateway) where ended_at is null;

comment on table  gateway_credentials          is 'Credentials of an account''s own at a gateway; never deleted';
comment on column gateway_credentials.place    is 'Names the gateway under these credentials: gateway@account.number';
comment on column gateway_credentials.number   is 'Counts the accounts at the gateway that the account has had';
comment on column gateway_credentials.sealed   is 'Encrypted (AES-256-GCM) under a key that is not in this database';
comment on column gateway_credentials.ended_at is 'No attempt has begun there since; open ones and refunds continue';

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

create trigger gateway_credentials_fit
  before insert or update on gateway_credentials
  for each row execute function gateway_credentials_fit();

-- A function, so that its plan is kept; a statement calls it once, not for each row.
create function accounts_closed_to(at_gateway text, gateway_mode text, is_new boolean) returns text[] stable language plpgsql as $$
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

comment on function accounts_closed_to is
  'Accounts whose payments a claim at this gateway leaves alone: paused ones, those of the other mode, and those that another place is for';

-- Payments of a paused account that were met are out of the way of every search, until it is resumed.
create function held_until() returns timestamptz immutable language sql as $$ select timestamptz '9999-01-01 00:00:00+00' $$;
