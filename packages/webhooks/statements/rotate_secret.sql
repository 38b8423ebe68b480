-- Replaces the secret of an endpoint; the present one becomes the old one.
-- PARAMS   $1 id          text    id of the endpoint
--          $2 secret      bytea   new secret, encrypted
--          $3 overlap_ms  float8  how long the present secret signs too; 0 for not at all
--          $4 is_forced   bool    whether to rotate although an old secret still signs
--          $5 account     text    account that it must belong to; null for any
-- RETURNS  whether it was rotated, end of the old secret, milliseconds until the next rotation may happen
-- WHY      At most one old secret signs.
with target as (
  select id, secret, $4::bool or coalesce(old_secret_until, '-infinity') <= clock_timestamp() as may,
         ceil(extract(epoch from old_secret_until - clock_timestamp()) * 1000)::float8 as wait_ms
    from webhook_endpoints where id = $1::text and deleted_at is null
     and ($5::text is null or coalesce(account, 'default') = $5::text)
      for no key update
), rotated as (
  update webhook_endpoints e
     set secret           = $2::bytea,
         old_secret       = case when $3::float8 > 0 then target.secret end,
         old_secret_until = case when $3::float8 > 0
                            then clock_timestamp() + $3::float8 * interval '1 millisecond' end,
         updated_at       = clock_timestamp()
    from target
   where e.id = target.id and target.may
returning e.id, e.old_secret_until
)
select rotated.id is not null as is_rotated, rotated.old_secret_until, coalesce(target.wait_ms, 0) as wait_ms
  from target left join rotated on rotated.id = target.id
