#include "storage/migrate.hpp"

#include <optional>
#include <pqxx/pqxx>

#include "storage/connection.hpp"
#include "storage/schema.hpp"

namespace deskd {
namespace {

// Two who migrate at once go one after the other. The number is any number that nobody else uses.
constexpr std::int64_t migration_lock{0x6465736b64};

// A migration may rewrite a table; serving waits for it, so nobody is served worse by letting it end.
constexpr std::chrono::milliseconds no_timeout{0};
// Longer than make_partitions waits for its locks, three times.
constexpr std::chrono::milliseconds look_timeout{10'000};

template <class F>
auto with_connection(const std::string& words, std::chrono::milliseconds statement_timeout, const F& f) {
  try {
    pqxx::connection connection{connection_words(words, "deskd-schema")};
    const pqxx::quiet_errorhandler quiet{connection};  // libpqxx would print notices
    std::optional<Patience> patience;
    if (statement_timeout != no_timeout) patience.emplace(connection.sock(), statement_timeout);
    pqxx::nontransaction{connection}.exec(session_settings(statement_timeout));
    return f(connection);
  } catch (const StorageError&) { throw; } catch (const std::exception& error) {
    throw StorageError{error.what()};
  }
}

int version_of(pqxx::transaction_base& transaction) {
  if (transaction.exec1("select to_regclass('schema_version') is null")[0].as<bool>()) return 0;
  return transaction.exec1("select coalesce(max(version), 0) from schema_version")[0].as<int>();
}

// The views read words from a table that is always as this binary knows them.
template <class Enum>
void write_words(pqxx::work& transaction, const char* kind) {
  constexpr const char* sql{R"(
      insert into word (kind, number, word) values ($1, $2, $3)
      on conflict (kind, number) do update set word = excluded.word where word.word <> excluded.word)"};
  int number{};
  for (const std::string_view word : words_of(Enum{})) transaction.exec_params(sql, kind, number++, std::string{word});
}

}  // namespace

int schema_version_known() { return static_cast<int>(schema_files().size()); }

void migrate(const std::string& connection, const std::function<void(std::string_view)>& tell) {
  with_connection(connection, no_timeout, [&](pqxx::connection& c) {
    // Held by the session, so it is gone with whoever held it.
    pqxx::nontransaction{c}.exec("select pg_advisory_lock(" + std::to_string(migration_lock) + ")");
    {
      pqxx::work transaction{c};
      transaction.exec(R"(
          create table if not exists schema_version (
            version int primary key, name text not null, applied timestamptz not null default now()))");
      transaction.commit();
    }
    const int known = schema_version_known();
    for (;;) {
      pqxx::work transaction{c};
      const int version = version_of(transaction);
      if (version > known)
        throw StorageError{"the database's schema is version " + std::to_string(version) +
                           ", newer than this binary's " + std::to_string(known)};
      if (version == known) {
        write_words<Origin>(transaction, "origin");
        write_words<Place>(transaction, "place");
        write_words<Status>(transaction, "status");
        write_words<Stream>(transaction, "stream");
        write_words<LineKind>(transaction, "line_kind");
        write_words<Reason>(transaction, "reason");
        write_words<ClockKind>(transaction, "clock");
        write_words<FactKind>(transaction, "fact_kind");
        transaction.commit();
        return 0;
      }
      const SchemaFile& next = schema_files()[static_cast<std::size_t>(version)];
      if (tell) tell(next.name);
      transaction.exec(std::string{next.sql});
      transaction.exec_params("insert into schema_version (version, name) values ($1, $2)", version + 1,
                              std::string{next.name});
      transaction.commit();
    }
  });
}

std::vector<std::string> check_database(const std::string& connection, bool without_full_page_writes) {
  return with_connection(connection, look_timeout, [&](pqxx::connection& c) {
    pqxx::nontransaction transaction{c};
    std::vector<std::string> problems;
    const auto setting = [&](const char* name) {
      return std::string{transaction.exec1(std::string{"show "} + name)[0].c_str()};
    };
    if (setting("fsync") != "on") problems.emplace_back("fsync is off: a power cut would lose what was told as stored");
    if (!without_full_page_writes && setting("full_page_writes") != "on")
      problems.emplace_back("full_page_writes is off: a power cut could tear a page of what was told as stored");
    if (setting("server_encoding") != "UTF8") problems.emplace_back("the database's encoding is not UTF8");
    const int version = version_of(transaction);
    if (version != schema_version_known())
      problems.push_back(
          "the schema is version " + std::to_string(version) + " and this server knows version " +
          std::to_string(schema_version_known()) +
          (version < schema_version_known() ? ": run deskd migrate" : ": it is older than the database"));
    return problems;
  });
}

std::vector<std::string> make_partitions(const std::string& connection, Instant now) {
  return with_connection(connection, look_timeout, [&](pqxx::connection& c) {
    pqxx::nontransaction transaction{c};
    std::vector<std::string> worries;
    for (const auto& row : transaction.exec_params("select * from make_partitions($1::bigint)", ms_of(now)))
      worries.emplace_back(row[0].c_str());
    return worries;
  });
}

}  // namespace deskd
