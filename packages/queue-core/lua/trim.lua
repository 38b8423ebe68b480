-- Deletes the oldest dead letters beyond the bounds.
-- KEYS     as in route.lua
-- ARGV[1]  bounds as in route.lua
-- RETURNS  how many were deleted
-- WHY      a dead letter that is written trims the others, but only a look now and then finds those that grew too old
return trim_dead_letters(ARGV[1])
