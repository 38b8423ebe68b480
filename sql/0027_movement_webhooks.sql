-- Events of movements, authorizations and of what the customer has to do go out as webhooks.

-- The one list of what may go out; null while nobody is subscribed to any of it. A statement calls it once.
create or replace function webhook_types_wanted() returns text[] stable language plpgsql as $$
declare
  public_types constant text[] := array[
    'payment.created', 'payment.queued', 'payment.processing', 'payment.authorized', 'payment.requires_action',
    'payment.succeeded', 'payment.failed', 'payment.needs_review',
    'refund.created', 'refund.succeeded', 'refund.failed', 'refund.needs_review',
    'capture.succeeded', 'capture.failed', 'void.succeeded', 'void.failed'];
begin
  if exists (select from webhook_endpoints where deleted_at is null and event_types is null) then
    return public_types;
  end if;
  return (select array_agg(distinct type)
            from webhook_endpoints endpoint, unnest(endpoint.event_types) as type
           where endpoint.deleted_at is null and type = any(public_types));
end
$$;

-- An event of a movement is stored with its payment. A program of the version before would send the movement's id as that of
-- a payment: its batch fails, and a program that knows movements takes the notes.
alter table webhook_events
  add constraint webhook_events_of_payment check (payment_id !~ '^(cap|ref|void)_');
