-- The number of partitions of a queue is recorded: a program with another number would look for jobs where none are. What
-- was recorded before has one.

alter table queue_epochs
  add column partitions smallint not null default 1
    constraint queue_epochs_partitions_possible check (partitions between 1 and 64);

comment on table  queue_epochs            is 'By queue, and by partition (<queue>:<n>) where it has several: the last Redis known to hold the jobs; a change makes the reconciler look at every unfinished payment there';
comment on column queue_epochs.partitions is 'Partitions over which the jobs of the queue are spread; 1 for a partition';
