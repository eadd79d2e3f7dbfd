-- 0001 - A desk's records.
--
-- All times are desk time in milliseconds since 1970 (bigint, never timestamptz: the difference of two of them is what the
-- desk measured). Kinds, places, origins and reasons are the numbers of protocol/words.hpp. People read the views at the
-- end. A chat's id is 48 bits of desk time and 16 bits of a counter, so a range of ids is a range of days: message, fact
-- and deed are partitioned by it, a chat lies in one partition whole, and its keys are unique there.

-- Who serves a desk. Taking it raises the epoch. Every batch of records begins by moving `position` here under its own
-- epoch: that one update is the fence, and how far the desk is durable.
create table desk_owner (
  desk int generated always as identity primary key,
  name text not null unique,
  epoch bigint not null,
  position bigint not null default 0,
  at_ms bigint not null default 0
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- One row a version, never changed.
create table policy (
  desk int not null references desk_owner,
  version bigint not null,
  body jsonb not null,
  by text not null,
  at_ms bigint not null,
  primary key (desk, version)
);

-- Where routing last left a chat. closed_ms is null while it is open, left_ms unless it is a left message, told_ms until
-- the buyer was told the wait; asked while the question of it stands.
create table chat (
  desk int not null,
  chat bigint not null,
  opened_ms bigint not null,
  queued_ms bigint not null,
  lined_up_ms bigint not null,
  placed_ms bigint not null,
  answered_first_ms bigint not null,
  closed_ms bigint,
  left_ms bigint,
  told_ms bigint,
  asked boolean not null,
  policy_version bigint not null,
  priority_s int not null,
  excused int not null,
  place smallint not null,
  reason smallint not null,
  guest boolean not null,
  shop text not null,
  buyer text not null,
  level text not null,
  queue text not null,
  agent text not null,
  wanted text not null,
  skills text[] not null,
  primary key (desk, chat)
) with (fillfactor = 70);
create index chat_closed on chat (desk, closed_ms);
create index chat_buyer on chat (desk, shop, buyer, chat desc);

-- The transcript.
create table message (
  desk int not null,
  seq int not null,
  chat bigint not null,
  position bigint not null,
  at_ms bigint not null,
  reply_to int not null,
  stream smallint not null,
  origin smallint not null,
  kind smallint not null,
  reason smallint not null,
  id uuid,
  person text not null,
  text text not null,
  primary key (desk, chat, stream, seq)
) partition by range (chat);
-- One command of a person is one line. The id comes before the person because it tells rows apart sooner.
create unique index message_id on message (desk, chat, id, person) where id is not null;

-- What was decided. No words, no personal data. chat is 0 where the fact is about the desk or an agent.
create table fact (
  desk int not null,
  ordinal int not null,
  chat bigint not null,
  position bigint not null,
  at_ms bigint not null,
  number bigint not null,
  kind smallint not null,
  reason smallint not null,
  clock smallint not null,
  shop text not null,
  queue text not null,
  agent text not null,
  detail text not null,
  primary key (desk, chat, position)
) partition by range (chat);
-- A step of a clock is missed once. 8 is FactKind::missed.
create unique index fact_missed on fact (desk, chat, clock, ordinal) where kind = 8;

-- The bodies of deeds: the only home of addresses and phone numbers.
create table deed (
  desk int not null,
  seq int not null,
  chat bigint not null,
  at_ms bigint not null,
  stream smallint not null,
  kind smallint not null,
  body jsonb not null,
  primary key (desk, chat, stream, seq)
) partition by range (chat);

create table message_default partition of message default;
create table fact_default partition of fact default;
create table deed_default partition of deed default;
create table fact_desk partition of fact for values from (0) to (1);
-- What each agent last was and was given, and whether there is surge. 19 is FactKind::status, 23 surge, 28 adjusted.
create index fact_newest on fact_desk (desk, agent, kind, position desc) where kind in (19, 23, 28);
-- Who may not come in any more. 29 is FactKind::revoked.
create index fact_revoked on fact_desk (desk, at_ms) where kind = 29;

-- Makes the partitions of the week of this moment and of the two after it, where they are missing. Weeks begin on Monday,
-- UTC. Returns the names of those that should worry somebody: one that could not be made (why, PostgreSQL's log says), and
-- a default one that holds rows. The server calls it: it runs with the owner's rights and makes nothing else.
create function make_partitions(now_ms bigint) returns setof text
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '3s' as $$
declare
  week constant bigint := 604800000;
  monday constant bigint := 345600000;  -- 1970-01-05
  begins bigint;
  part text;
  parent text;
  strays boolean;
begin
  foreach parent in array array['message', 'fact', 'deed'] loop
    for i in 0..2 loop
      begins := ((now_ms - monday) / week + i) * week + monday;
      part := parent || to_char(to_timestamp(begins / 1000) at time zone 'UTC', '"_"YYYY"_"MM"_"DD');
      continue when to_regclass(part) is not null;
      begin
        execute format('create table %I partition of %I for values from (%s) to (%s)', part, parent, begins << 16,
                       (begins + week) << 16);
      exception when others then
        raise log 'the partition % could not be made: %', part, sqlerrm;
        return next part;
      end;
    end loop;
    execute format('select exists (select from %I)', parent || '_default') into strays;
    if strays then
      return next parent || '_default';
    end if;
  end loop;
end $$;

-- For people: words and times instead of numbers. deskd migrate fills `word` from the binary's own tables.
create table word (
  kind text not null,
  number smallint not null,
  word text not null,
  primary key (kind, number)
);

create function word(kind text, number smallint) returns text language sql stable
  return (select w.word from word w where w.kind = $1 and w.number = $2);
create function at(ms bigint) returns timestamptz language sql immutable return to_timestamp(ms / 1000.0);

-- What was said, as both sides may read it now: recalled words are hidden.
create view transcript as
select o.name as desk, m.chat, word('stream', m.stream) as stream, m.seq, at(m.at_ms) as at, word('origin', m.origin) as origin,
       word('line_kind', m.kind) as kind, m.person,
       case when exists (select from message r where r.desk = m.desk and r.chat = m.chat and r.stream = m.stream
                           and r.kind = 6 and r.reply_to = m.seq) then null else m.text end as text,
       nullif(m.reply_to, 0) as reply_to, nullif(word('reason', m.reason), 'none') as reason, m.id, m.position
  from message m join desk_owner o using (desk);

-- What was decided.
create view decision as
select o.name as desk, f.position, at(f.at_ms) as at, nullif(f.chat, 0) as chat, word('fact_kind', f.kind) as kind,
       nullif(word('reason', f.reason), 'none') as reason, f.shop, f.queue, f.agent,
       case when f.kind = 8 then word('clock', f.clock) end as clock, f.ordinal, f.number, nullif(f.detail, '') as detail
  from fact f join desk_owner o using (desk);

-- The server's role: it adds, and it replaces where routing moves on. It changes no schema and takes nothing away.
do $$ begin
  create role deskd_server login;
exception when duplicate_object then null;
end $$;
grant select, insert, update on desk_owner, chat to deskd_server;
grant select, insert on message, fact, deed, policy to deskd_server;
grant select on schema_version, word, transcript, decision to deskd_server;
revoke execute on function make_partitions(bigint) from public;
grant execute on function make_partitions(bigint) to deskd_server;
