-- What people did with the dashboard. The row is there before the act begins, so that nothing is done without one.

create table operator_actions (
  id       bigint      generated always as identity primary key,
  at       timestamptz not null default clock_timestamp(),
  operator text        not null,
  action   text        not null,
  target   text        not null,
  note     text        not null,
  outcome  text,
  ended_at timestamptz,
  constraint operator_actions_lengths check (
    length(operator) between 1 and 100 and length(action) <= 100 and length(target) <= 300
    and length(note) <= 2000 and length(outcome) <= 500),
  constraint operator_actions_ended_once check ((outcome is null) = (ended_at is null))
);

comment on table  operator_actions          is 'One row per act of an operator; kept for ever';
comment on column operator_actions.operator is 'The name that was given at the sign-in';
comment on column operator_actions.target   is 'What it was done to: a payment, a dead letter, a queue';
comment on column operator_actions.note     is 'The reason or the evidence that was given; may be empty';
comment on column operator_actions.outcome  is 'What came of it; null while it goes on, and for ever if the process died meanwhile';

create function operator_actions_append_only() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    if old.outcome is null and new.outcome is not null
       and (new.id, new.at, new.operator, new.action, new.target, new.note)
           = (old.id, old.at, old.operator, old.action, old.target, old.note) then
      return new;
    end if;
  end if;
  raise exception 'operator_actions is append only'
    using errcode = 'check_violation', constraint = 'operator_actions_append_only';
end
$$;

create trigger operator_actions_append_only
  before update or delete on operator_actions
  for each row execute function operator_actions_append_only();

create trigger operator_actions_never_emptied
  before truncate on operator_actions
  for each statement execute function operator_actions_append_only();

-- Events are written in the order of time, so a few bytes per range of pages find those of the last seconds. The rates
-- of the dashboard come from it; a B-tree would cost every payment more than they are worth.
create index payment_events_at_idx on payment_events using brin (at)
  with (pages_per_range = 16, autosummarize = on);
