-- Estimates the size of a large payments table and the share of FAILED from the statistics of the planner.
-- RETURNS  one row: total, and share, null where it is not known
select greatest(coalesce((select n_live_tup from pg_stat_user_tables where relid = 'payments'::regclass), 0),
                (select reltuples from pg_class where oid = 'payments'::regclass))::float8 as total,
       (select share
          from pg_stats, unnest(most_common_vals::text::text[], most_common_freqs::float8[]) as common (value, share)
         where (schemaname, tablename, attname) = (
                 select nspname, relname, 'status'::name
                   from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid = 'payments'::regclass)
           and value = 'FAILED') as share
