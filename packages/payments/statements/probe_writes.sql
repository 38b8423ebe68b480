-- Asks whether payments can be written here, and which gateways are stopped.
-- PARAMS   none
-- RETURNS  whether transactions are read-only: on or off; the stopped gateways
-- WHY      Workers ask once a second whether they can write. In the same statement the stops cost no further one.
select current_setting('transaction_read_only') as setting, array(select gateway from gateway_stops order by gateway limit 100) as stopped
