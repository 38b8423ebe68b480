-- Keys of the API's callers. Only hashes of them are here: whoever reads this table cannot call the API.
-- Without any row, or while no key is asked for, the API is open.

create table api_keys (
  id           text        primary key,
  name         text        not null,
  secret_hash  bytea       not null,
  scope        text        not null,
  created_at   timestamptz not null default clock_timestamp(),
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  constraint api_keys_name_length  check (length(name) between 1 and 100),
  constraint api_keys_hash_size    check (octet_length(secret_hash) = 32),
  constraint api_keys_scope_known  check (scope in ('read', 'write', 'admin'))
) with (fillfactor = 70);

comment on table  api_keys              is 'Who may call the API. A revoked key stays, so that its id in old logs keeps its name';
comment on column api_keys.id           is 'First part of the token, which may be shown and logged';
comment on column api_keys.secret_hash  is 'SHA-256 of the second part: 256 random bits, so nothing slower is needed';
comment on column api_keys.scope        is 'Each contains the one before: read, write (payments), admin (webhook endpoints)';
comment on column api_keys.last_used_at is 'To the minute';
