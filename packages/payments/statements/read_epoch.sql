-- Reads which Redis this database was last in step with.
-- PARAMS   $1 queue  text  queue
-- RETURNS  its epoch and run_id, or nothing
select epoch, run_id from queue_epochs where queue = $1::text
