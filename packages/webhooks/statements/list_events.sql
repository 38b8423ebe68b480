-- Lists events; those of the newest payments and movements first.
-- PARAMS   $1 before  text  position of the event that the page before ended with; '~', which is above every one, for the first page
--          $2 most    int4  length of the page
--          $3 account  text  whose they are; null for those of every account
-- RETURNS  the events
-- WHY      An id is evt_, the kind of a movement, and a position that begins with a time. Each kind is a range of the
--          primary key, so that no index by position is needed; the events of payments and endpoints are below evt_a.
select id, type, payment_id, payload, at
  from ((select *, substr(id, 5) as position from webhook_events
          where id < 'evt_' || $1::text and id < 'evt_a' and ($3::text is null or coalesce(account, 'default') = $3::text)
          order by id desc limit $2::int4)
        union all
        (select *, substr(id, 9) from webhook_events
          where id < 'evt_cap_' || $1::text and id > 'evt_cap_' and ($3::text is null or coalesce(account, 'default') = $3::text)
          order by id desc limit $2::int4)
        union all
        (select *, substr(id, 9) from webhook_events
          where id < 'evt_ref_' || $1::text and id > 'evt_ref_' and ($3::text is null or coalesce(account, 'default') = $3::text)
          order by id desc limit $2::int4)
        union all
        (select *, substr(id, 10) from webhook_events
          where id < 'evt_void_' || $1::text and id > 'evt_void_' and ($3::text is null or coalesce(account, 'default') = $3::text)
          order by id desc limit $2::int4)) event
 order by position desc limit $2::int4
