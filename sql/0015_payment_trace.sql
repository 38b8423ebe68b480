-- A payment goes on with the trace of the request that made it, also when its job is made later, or made anew.

alter table payments add column traceparent text;

comment on column payments.traceparent is 'W3C Trace Context of that request; null when it was not traced';
