#include "storage/recovery.hpp"

#include <algorithm>
#include <pqxx/pqxx>
#include <unordered_map>

#include "storage/question.hpp"
#include "storage/rows.hpp"

namespace deskd {
namespace {

// The numbers that stand in the SQL here and in the schema.
static_assert(static_cast<int>(FactKind::missed) == 8 && static_cast<int>(FactKind::status) == 19 &&
              static_cast<int>(FactKind::surge) == 23 && static_cast<int>(FactKind::adjusted) == 28 &&
              static_cast<int>(FactKind::revoked) == 29);

// Chats whose lines are asked for at once: bounds what one result holds in memory.
constexpr std::size_t chats_at_once{1000};

stored::Policy policy_of(const pqxx::row& row) {
  return {rows::number<std::int64_t>(row[0]), row[1].c_str(), row[2].c_str(), rows::instant(row[3])};
}

// "select ... from TABLE where desk and chat": the rows of some chats, each chat's in order. `lateral` with its own
// order makes it one index scan a chat in the one partition that holds it, whatever the planner knows about the tables.
std::string of_chats(std::string_view columns, std::string_view table, std::string_view where, std::string_view order) {
  std::string sql{"select r.* from unnest($2::bigint[]) c(chat) cross join lateral (select chat, "};
  sql.append(columns).append(" from ").append(table).append(" where desk = $1 and chat = c.chat ").append(where);
  return sql.append(" order by ").append(order).append(") r");
}

}  // namespace

Taken take_desk(const std::string& connection, std::string_view name) {
  return with_connection(connection, [&](pqxx::connection& c) {
    constexpr const char* add{R"(
        insert into desk_owner (name, epoch) values ($1, 1)
        on conflict (name) do update set epoch = desk_owner.epoch + 1
        returning desk, epoch, "position", at_ms)"};
    pqxx::work transaction{c};
    pqxx::result owner = transaction.exec_params(
        "update desk_owner set epoch = epoch + 1 where name = $1 returning desk, epoch, \"position\", at_ms",
        std::string{name});
    // An insert only when it is needed: a conflict would use up a number every time.
    if (owner.empty()) owner = transaction.exec_params(add, std::string{name});
    const pqxx::row row = owner[0];
    Taken taken{DeskId{rows::number<DeskId::Number>(row[0])},
                Epoch{rows::number<Epoch::Number>(row[1])},
                Position{rows::number<Position::Number>(row[2])},
                rows::instant(row[3]),
                {}};
    for (const auto& policy : transaction.exec_params(
             "select version, body::text, by, at_ms from policy where desk = $1 order by version desc limit 1",
             taken.desk.value))
      taken.policies.push_back(policy_of(policy));
    transaction.commit();
    return taken;
  });
}

DeskId make_desk(const std::string& connection, std::string_view name) {
  return promptly(connection, [&](pqxx::connection& c) {
    constexpr const char* sql{R"(
        insert into desk_owner (name, epoch)
        select $1::text, 0 where not exists (select from desk_owner where name = $1)
        on conflict do nothing)"};
    pqxx::work transaction{c};
    // Epoch 0 is nobody's. An insert only when it is needed, as above.
    transaction.exec_params(sql, std::string{name});
    const DeskId made{rows::number<DeskId::Number>(
        transaction.exec_params1("select desk from desk_owner where name = $1", std::string{name})[0])};
    transaction.commit();
    return made;
  });
}

bool is_served(const std::string& connection) {
  return promptly(connection, [&](pqxx::connection& c) {
    pqxx::nontransaction transaction{c};
    const pqxx::row row = transaction.exec_params1(
        "select exists (select from pg_stat_activity where datname = current_database() and application_name = $1)",
        std::string{writer_name});
    return row[0].as<bool>();
  });
}

Open read_open(const std::string& connection, DeskId desk, Instant closed_since) {
  return with_connection(connection, [&](pqxx::connection& c) {
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> transaction{c};
    Open open;
    const std::string columns{rows::chat_columns};
    for (const auto& row : transaction.exec_params(
             "select " + columns + " from chat where desk = $1 and closed_ms is null union all select " + columns +
                 " from chat where desk = $1 and closed_ms >= $2 order by chat",
             desk.value, ms_of(closed_since)))
      open.chats.push_back(rows::chat(row));

    c.prepare("lines", of_chats(rows::line_columns, "message", "", "stream, seq"));
    c.prepare("fired", of_chats(rows::clock_columns, "fact", "and kind = 8", "clock, ordinal"));
    c.prepare("deeds", of_chats(rows::deed_columns, "deed", "", "stream, seq"));
    for (std::size_t first = 0; first < open.chats.size(); first += chats_at_once) {
      const std::size_t end = std::min(first + chats_at_once, open.chats.size());
      std::unordered_map<std::int64_t, stored::Chat*> by_id;
      std::string ids{"{"};
      for (std::size_t i = first; i < end; ++i) {
        by_id[open.chats[i].chat.value] = &open.chats[i];
        (ids += i == first ? "" : ",") += std::to_string(open.chats[i].chat.value);
      }
      ids += '}';
      const auto each = [&](const char* statement, const auto& f) {
        for (const auto& row : transaction.exec_prepared(statement, desk.value, ids))
          f(*by_id.at(rows::number<std::int64_t>(row[0])), row);
      };
      each("lines", [](stored::Chat& chat, const auto& row) { chat.lines.push_back(rows::line(row, 1)); });
      each("fired", [](stored::Chat& chat, const auto& row) { chat.fired.push_back(rows::clock(row, 1)); });
      each("deeds", [](stored::Chat& chat, const auto& row) { chat.deeds.push_back(rows::deed(row, 1)); });
    }

    std::erase_if(open.chats, [&open](const stored::Chat& chat) {
      const bool torn = stored::is_torn(chat.lines);
      if (torn) open.torn.push_back(chat.chat);
      return torn;
    });

    constexpr const char* newest{R"(
        select distinct on (agent, kind) kind, agent, ordinal, reason, at_ms, number, detail
        from fact where desk = $1 and chat = 0 and kind in (19, 23, 28)
        order by agent, kind, "position" desc)"};
    for (const auto& row : transaction.exec_params(newest, desk.value)) {
      const auto kind = rows::one_of<FactKind>(row[0]);
      const auto ordinal = rows::number<std::int32_t>(row[2]);
      if (kind == FactKind::surge) {
        open.surge = {ordinal != 0, rows::one_of<Reason>(row[3])};
        continue;
      }
      if (open.agents.empty() || open.agents.back().agent != rows::text(row[1]))
        open.agents.push_back({.agent = row[1].c_str()});
      stored::Agent& agent = open.agents.back();
      if (kind == FactKind::status) {
        agent.status = rows::one_of<Status>(row[2]);
        agent.reason = rows::one_of<Reason>(row[3]);
        agent.since = rows::instant(row[4]);
      } else {
        agent.capacity = ordinal;
        agent.adjusted_under = rows::number<std::int64_t>(row[5]);
        agent.queues = stored::names_of(rows::text(row[6]));
      }
    }

    std::vector<std::int64_t> versions;
    for (const stored::Chat& chat : open.chats) versions.push_back(chat.policy_version);
    std::sort(versions.begin(), versions.end());
    versions.erase(std::unique(versions.begin(), versions.end()), versions.end());
    constexpr const char* older{R"(
        select version, body::text, by, at_ms from policy
        where desk = $1 and version = $2 and version < (select max(version) from policy where desk = $1))"};
    for (const std::int64_t version : versions)
      for (const auto& row : transaction.exec_params(older, desk.value, version))
        open.policies.push_back(policy_of(row));
    return open;
  });
}

std::vector<stored::Revoked> read_revoked(const std::string& connection, DeskId desk, Instant since) {
  return with_connection(connection, [&](pqxx::connection& c) {
    std::vector<stored::Revoked> revoked;
    pqxx::nontransaction transaction{c};
    constexpr const char* sql{R"(
        select shop, agent || detail, at_ms, ordinal, reason from fact
        where desk = $1 and chat = 0 and kind = 29 and at_ms >= $2
        order by "position")"};
    for (const auto& row : transaction.exec_params(sql, desk.value, ms_of(since)))
      revoked.push_back({row[0].c_str(), row[1].c_str(), rows::instant(row[2]), rows::number<std::int32_t>(row[3]) != 0,
                         rows::one_of<Reason>(row[4]) == Reason::identified});
    return revoked;
  });
}

std::vector<stored::Policy> read_policy(const std::string& connection, std::string_view desk_name) {
  return promptly(connection, [&](pqxx::connection& c) {
    std::vector<stored::Policy> newest;
    pqxx::nontransaction transaction{c};
    constexpr const char* sql{R"(
        select version, body::text, by, p.at_ms from policy p join desk_owner o using (desk)
        where o.name = $1 order by version desc limit 1)"};
    for (const auto& row : transaction.exec_params(sql, std::string{desk_name})) newest.push_back(policy_of(row));
    return newest;
  });
}

bool add_policy(const std::string& connection, DeskId desk, std::int64_t base, const record::Policy& policy) {
  return promptly(connection, [&](pqxx::connection& c) {
    // Two who start from the same version meet in the primary key: the second inserts nothing.
    constexpr const char* sql{R"(
        insert into policy (desk, version, body, by, at_ms)
        select $1::int, $2::bigint + 1, $3::jsonb, $4, $5::bigint
        where $2::bigint = (select coalesce(max(version), 0) from policy where desk = $1::int)
        on conflict do nothing)"};
    pqxx::nontransaction transaction{c};
    return transaction.exec_params(sql, desk.value, base, policy.body, policy.by, ms_of(policy.at)).affected_rows() ==
           1;
  });
}

}  // namespace deskd
