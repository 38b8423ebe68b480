-- Estimates the number of charges in a large payments table and the share of FAILED from the statistics of the planner.
-- RETURNS  one row: total, and share, null where it is not known
-- WHY      Captures, voids and refunds are rows of the table too: the planner knows how many rows have no parent.
with own as (
  select c.oid, nspname, relname, reltuples
    from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid = 'payments'::regclass
), known as (
  select attname, null_frac, most_common_vals, most_common_freqs
    from pg_stats join own on (schemaname, tablename) = (nspname, relname)
   where attname in ('status', 'parent_id')
)
select greatest(coalesce((select n_live_tup from pg_stat_user_tables where relid = own.oid), 0), reltuples)
         * coalesce((select null_frac from known where attname = 'parent_id'), 1)::float8 as total,
       (select share
          from known, unnest(most_common_vals::text::text[], most_common_freqs::float8[]) as common (value, share)
         where attname = 'status' and value = 'FAILED') as share
  from own
