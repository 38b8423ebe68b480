-- People who act, their sessions in the dashboard, and what the audit record proves of them.

create table operators (
  id          text        primary key,
  name        text        not null,
  secret_hash bytea       not null,
  created_at  timestamptz not null default clock_timestamp(),
  revoked_at  timestamptz,
  constraint operators_name_length check (length(name) between 1 and 100),
  constraint operators_hash_size   check (octet_length(secret_hash) = 32)
);

-- A name belongs to one person at a time, so a name in the audit record is not ambiguous.
create unique index operators_active_name_idx on operators (name) where revoked_at is null;

comment on table  operators             is 'People who may act in the dashboard. A revoked operator stays: audit rows refer to the id';
comment on column operators.id          is 'First part of the token, which may be shown and logged';
comment on column operators.secret_hash is 'SHA-256 of the second part: 256 random bits, so a slow hash adds nothing';

create table dashboard_sessions (
  token_hash    bytea       primary key,
  name          text        not null,
  operator_id   text        references operators (id),
  api_key_id    text        references api_keys (id),
  shared_token  bytea,
  created_at    timestamptz not null default clock_timestamp(),
  expires_at    timestamptz not null,
  ended_at      timestamptz,
  constraint dashboard_sessions_hash_size      check (octet_length(token_hash) = 32),
  constraint dashboard_sessions_name_length    check (length(name) between 1 and 100),
  constraint dashboard_sessions_one_credential check (num_nonnulls(operator_id, api_key_id, shared_token) = 1)
);

create index dashboard_sessions_expires_at_idx on dashboard_sessions (expires_at);

comment on table  dashboard_sessions              is 'Sessions of the dashboard. A session is valid while its credential is; expired rows are deleted';
comment on column dashboard_sessions.token_hash   is 'SHA-256 of the 256 random bits in the cookie';
comment on column dashboard_sessions.shared_token is 'scrypt of the DASHBOARD_ADMIN_TOKEN that opened it: another token ends the session';
comment on column dashboard_sessions.ended_at     is 'When the user signed out';

alter table operator_actions
  add column credential text not null default 'admin token',
  add column is_proven  boolean not null default false,
  add constraint operator_actions_credential_length check (length(credential) between 1 and 200);

comment on table  operator_actions            is 'One row per act in the dashboard, on the command line or over the API; never deleted';
comment on column operator_actions.operator   is 'Name of the operator; as typed, unless is_proven';
comment on column operator_actions.credential is 'What the actor presented: an operator token, the shared admin token, an API key, an account of the operating system';
comment on column operator_actions.is_proven  is 'Whether the credential belongs to this operator alone. Rows of earlier versions have the shared token';

create or replace function operator_actions_append_only() returns trigger language plpgsql as $$
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
