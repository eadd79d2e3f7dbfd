// question.hpp - A connection of its own for one question to the database: at a start, for the admin, for a command.
#pragma once

#include <chrono>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "storage/connection.hpp"
#include "storage/recovery.hpp"

namespace deskd {

// A start that waits longer than this for what it needs to know should fail and say so.
inline constexpr std::chrono::milliseconds statement_timeout{60'000};

// A question about a row or two is answered by then, or the database is as good as away: a serving server's admin waits
// for it, and so does its end.
inline constexpr std::chrono::milliseconds answer_within{5'000};

// Everything in here fails in one way: StorageError. Also a database that hangs is given up after `most`.
template <class F>
auto with_connection(const std::string& words, const F& f, std::string_view name = "deskd-recovery",
                     std::chrono::milliseconds most = statement_timeout) {
  try {
    pqxx::connection connection{connection_words(words, name)};
    const Patience patience{connection.sock(), most};
    const pqxx::quiet_errorhandler quiet{connection};  // libpqxx would print notices
    pqxx::nontransaction{connection}.exec(session_settings(statement_timeout));
    return f(connection);
  } catch (const StorageError&) { throw; } catch (const std::exception& error) {
    throw StorageError{error.what()};
  }
}

// For what somebody waits for.
template <class F>
auto promptly(const std::string& words, const F& f, std::string_view name = "deskd-recovery") {
  return with_connection(words, f, name, answer_within);
}

}  // namespace deskd
