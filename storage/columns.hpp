// columns.hpp - A batch as one SQL statement: its text, and its columns as arrays in PostgreSQL's binary format.
//
//        with own as (update desk_owner set position = ... where epoch matches)      the fence, and how far we are
//           , ... as (insert into message  select unnest(...) ... where desk in own)
//           , ... as (insert into fact ...), (insert into deed ...), (insert into chat ... on conflict do update)
//        select desk from own                                                        the desks that are still ours
//
// One round trip and one commit. Kinds of record that a batch does not hold are left out of the statement, so there are
// few statements, each prepared once. Binary arrays need no quoting and cost PostgreSQL less than text to read.
// Only std: the writer hands the arrays to the connection.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "storage/records.hpp"

namespace deskd {

// `first`: a key that exists already is an error, which costs PostgreSQL a third less than to look for it beforehand.
// `again`: a row that is there already is left alone; for batches of which nobody knows whether they went in.
enum class Attempt : std::uint8_t { first, again };

class Columns {
 public:
  // Fills the arrays. The records must live as long as they are used. `owner_only`: nothing but the move of `position`.
  void fill(std::span<const Record> records, bool owner_only = false);

  std::string name(Attempt attempt) const;       // of the prepared statement
  std::string statement(Attempt attempt) const;  // its text
  std::span<const std::string> arrays() const { return std::span{arrays_}.first(used_); }

 private:
  enum Kind : unsigned { message = 1, fact = 2, deed = 4, chat = 8 };

  std::string& next();
  void fill_owners(std::span<const Record> records);
  void fill_messages(std::span<const Record> records);
  void fill_facts(std::span<const Record> records);
  void fill_deeds(std::span<const Record> records);
  void fill_chats(std::span<const Record> records);

  std::vector<std::string> arrays_;  // kept between batches for their memory
  std::size_t used_{};
  unsigned kinds_{};
  std::vector<const Record*> lines_;  // kept for their memory, too
  std::vector<const Record*> chats_;
};

// Of the lines among these records, which are not in the database under their own position: the statement, which
// answers (desk, position), and its arrays.
inline constexpr std::string_view missing_lines_name{"missing"};
std::string missing_lines_statement();
std::vector<std::string> missing_lines_arrays(std::span<const Record> records);

// When this record was made: no later than the desk's clock at its commit.
Instant made_at(const Record& record);

}  // namespace deskd
