-- Tells whether there are accounts other than default.
-- PARAMS   none
-- RETURNS  one row: exists
select exists (select from accounts where id <> 'default')
