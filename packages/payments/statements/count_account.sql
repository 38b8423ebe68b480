-- Counts the newest payments of an account by status.
-- PARAMS   $1 account  text  whose they are
--          $2 limit    int   most payments that are examined
-- RETURNS  one row: how many were examined, how many of them are in each status and in review
-- WHY      Reads the account's own payments only, by their index: neither cost nor time tells anything of other accounts. The
--          payments of default have none: the newest of all are examined.
select count(*) as seen, count(*) filter (where is_own and status = 'PENDING') as pending,
       count(*) filter (where is_own and status = 'QUEUED') as queued,
       count(*) filter (where is_own and status = 'PROCESSING') as processing,
       count(*) filter (where is_own and status = 'SUCCESS') as success,
       count(*) filter (where is_own and status = 'FAILED') as failed, count(*) filter (where is_own and needs_review) as review
  from ((select status, needs_review, true as is_own from payments
          where account = $1::text and id >= 'pay_' and id < 'q'
          order by id desc limit $2::int)
        union all
        (select status, needs_review, account is null from payments
          where $1::text = 'default' and id >= 'pay_' and id < 'q'
          order by id desc limit $2::int)) few
