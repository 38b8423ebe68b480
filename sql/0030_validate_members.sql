-- In a transaction of its own, because it reads the whole table and needs no lock that programs wait for.
alter table payments validate constraint payments_members_fit;
