-- Counts the newest payments of an account other than default by status.
-- PARAMS   $1 account  text  whose they are
--          $2 limit    int   most payments that are counted
-- RETURNS  one row: how many were seen, in each status and in review
-- WHY      Reads the account's own payments only, by their index: neither cost nor time tells anything of other accounts.
select count(*) as seen, count(*) filter (where status = 'PENDING') as pending,
       count(*) filter (where status = 'QUEUED') as queued, count(*) filter (where status = 'PROCESSING') as processing,
       count(*) filter (where status = 'SUCCESS') as success, count(*) filter (where status = 'FAILED') as failed,
       count(*) filter (where needs_review) as review
  from (select status, needs_review from payments where account = $1::text and id >= 'pay_' and id < 'q'
         order by id desc limit $2::int) few
