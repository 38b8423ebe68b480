-- An operator stops one gateway while the others continue.

create table gateway_stops (
  gateway    text        primary key,
  stopped_at timestamptz not null default clock_timestamp(),
  stopped_by text        not null,
  reason     text        not null,
  constraint gateway_stops_gateway_form check (gateway ~ '^[a-z][a-z0-9_-]{0,39}$')
);

comment on table  gateway_stops            is 'Gateways at which nothing is begun or continued until an operator starts them again; workers read it every second';
comment on column gateway_stops.stopped_by is 'The operator';
