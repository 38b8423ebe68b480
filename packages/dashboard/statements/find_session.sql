-- Finds a session that has neither ended nor expired, and whose credential is still valid.
-- PARAMS   $1 token_hash    bytea  SHA-256 of the cookie
--          $2 shared_token  bytea  fingerprint of the admin token that is set now; null: none
-- RETURNS  name, operator_id, api_key_id, api_key_scope, api_key_account
-- WHY      A revoked operator, key or token ends its sessions at once, in every process.
select s.name, s.operator_id, s.api_key_id, k.scope as api_key_scope, k.account as api_key_account
  from dashboard_sessions s
  left join operators o on o.id = s.operator_id
  left join api_keys k on k.id = s.api_key_id
 where s.token_hash = $1::bytea and s.ended_at is null and s.expires_at > clock_timestamp()
   and (s.operator_id is null or o.revoked_at is null)
   and (s.api_key_id is null
        or (k.revoked_at is null and (k.expires_at is null or k.expires_at > clock_timestamp())))
   and (s.shared_token is null or s.shared_token = $2::bytea)
