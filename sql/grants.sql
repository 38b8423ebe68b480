-- What the programs' role may do. The owner of the tables runs this after the migrations: titan migrate --grant-to ROLE.
--
-- PARAMS  titan.grantee   the role
--         titan.password  its password; '' when the role exists and keeps its password
-- WHY     The role owns nothing: it cannot change tables, disable a trigger or rewrite the audit record. It writes no
--         migration. It deletes only what expires: sessions, the outbox and old webhook events.

do $$
declare
  grantee  constant text := current_setting('titan.grantee');
  password constant text := current_setting('titan.password');
  place    constant text := current_schema();
  kept     text;
begin
  if password <> '' then
    if not exists (select from pg_roles where rolname = grantee) then
      execute format('create role %I login', grantee);
    end if;
    execute format('alter role %I login password %L', grantee, password);
  end if;

  execute format('revoke all on all tables in schema %I from %I', place, grantee);
  execute format('revoke create on schema %I from %I', place, grantee);
  execute format('grant usage on schema %I to %I', place, grantee);
  execute format('grant select, insert, update, delete on all tables in schema %I to %I', place, grantee);
  execute format('grant usage on all sequences in schema %I to %I', place, grantee);

  foreach kept in array array['payments', 'payment_details', 'payment_attempts', 'payment_event_rows', 'reconciliation_breaks',
                              'queue_epochs', 'reconciliation_marks', 'disputes', 'accounts', 'api_keys', 'operators', 'operator_actions'] loop
    execute format('revoke delete on %I.%I from %I', place, kept, grantee);
  end loop;
  execute format('revoke insert, update, delete on %I.schema_migrations from %I', place, grantee);
  execute format('revoke update on %I.payment_event_rows from %I', place, grantee);
  -- A write through a view would have the rights of its owner.
  foreach kept in array array['payment_history', 'attempt_history'] loop
    execute format('revoke insert, update, delete on %I.%I from %I', place, kept, grantee);
  end loop;
  -- Programs of the version before insert through it, by a trigger with their own rights.
  execute format('revoke update, delete on %I.payment_events from %I', place, grantee);
  -- The outcome is written once, after the act: a trigger holds that.
  execute format('revoke update on %I.operator_actions from %I', place, grantee);
  execute format('grant update (outcome, ended_at) on %I.operator_actions to %I', place, grantee);
end
$$;
