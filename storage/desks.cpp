#include "storage/desks.hpp"

#include <pqxx/pqxx>

#include "storage/connection.hpp"
#include "storage/recovery.hpp"

namespace deskd {

std::vector<std::string> desk_names(const std::string& connection) {
  try {
    pqxx::connection database{connection_words(connection, "deskd_start")};
    pqxx::read_transaction transaction{database};
    std::vector<std::string> names;
    for (const auto& row : transaction.exec("select name from desk_owner order by desk"))
      names.emplace_back(row[0].as<std::string>());
    return names;
  } catch (const std::exception& failed) { throw StorageError{failed.what()}; }
}

}  // namespace deskd
