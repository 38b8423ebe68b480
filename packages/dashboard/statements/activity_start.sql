-- Reads the time from which activity is counted.
-- PARAMS   $1 settle_ms  int  how far it lies in the past
-- RETURNS  at
-- WHY      Intervals follow the clock of the database, like the events.
select clock_timestamp() - $1::int * interval '1 millisecond' as at
