#include "storage/desks.hpp"

#include "storage/question.hpp"

namespace deskd {

std::vector<std::string> read_decisions(const std::string& connection, std::string_view desk, ChatId chat) {
  const auto read = [&](pqxx::connection& database) {
    pqxx::read_transaction transaction{database};
    std::vector<std::string> lines;
    constexpr const char* sql{R"(
        select concat_ws(' ', to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), kind,
                         'by ' || nullif(agent, ''), 'in ' || nullif(queue, ''), '(' || reason || ')',
                         clock || ' step ' || ordinal, nullif(number, 0)::text, detail)
        from decision where desk = $1 and chat = $2 order by position)"};
    for (const auto& row : transaction.exec_params(sql, std::string{desk}, chat.value))
      lines.emplace_back(row[0].c_str());
    return lines;
  };
  return promptly(connection, read, "deskd-explain");
}

std::vector<std::string> desk_names(const std::string& connection) {
  const auto read = [](pqxx::connection& database) {
    pqxx::read_transaction transaction{database};
    std::vector<std::string> names;
    for (const auto& row : transaction.exec("select name from desk_owner order by desk"))
      names.emplace_back(row[0].as<std::string>());
    return names;
  };
  return promptly(connection, read, "deskd-start");
}

}  // namespace deskd
