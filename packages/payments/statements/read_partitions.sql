-- Reads over how many partitions the jobs of a queue are spread.
-- PARAMS   $1 queue  text  queue
-- RETURNS  the number, or nothing
select partitions from queue_epochs where queue = $1::text
