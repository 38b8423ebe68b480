-- Reads which Redis this database was last in step with.
-- PARAMS   $1 names  text[]  queue, or its partitions
-- RETURNS  the epoch and run_id of each that is known
select queue as name, epoch, run_id from queue_epochs where queue = any($1::text[])
