#include "storage/columns.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <optional>
#include <tuple>

#include "storage/deed_json.hpp"

namespace deskd {
namespace {

static_assert(std::endian::native == std::endian::little, "big_endian() swaps");

template <std::integral Int>
void big_endian(std::string& out, Int value) {
  std::array<char, sizeof(Int)> bytes;
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    bytes[i] = static_cast<char>(static_cast<std::make_unsigned_t<Int>>(value) >> (8 * (sizeof(Int) - 1 - i)));
  out.append(bytes.data(), bytes.size());
}

// The numbers by which PostgreSQL knows its types; they never change.
template <class Value>
constexpr std::int32_t oid{};
template <>
constexpr std::int32_t oid<std::int16_t>{21};
template <>
constexpr std::int32_t oid<std::int32_t>{23};
template <>
constexpr std::int32_t oid<std::int64_t>{20};
template <>
constexpr std::int32_t oid<std::string_view>{25};
template <>
constexpr std::int32_t oid<std::string>{25};
template <>
constexpr std::int32_t oid<CommandId>{2950};

template <std::integral Int>
void element(std::string& out, Int value) {
  big_endian(out, static_cast<std::int32_t>(sizeof(Int)));
  big_endian(out, value);
}
void element(std::string& out, std::string_view text) {
  big_endian(out, static_cast<std::int32_t>(text.size()));
  out += text;
}
void element(std::string& out, CommandId id) {
  if (!id) return big_endian(out, std::int32_t{-1});  // null
  big_endian(out, std::int32_t{16});
  big_endian(out, id.high);
  big_endian(out, id.low);
}

// One column: `value` of each item, as a PostgreSQL array of one dimension.
template <class Items, class F>
void column(std::string& out, const Items& items, const F& value) {
  using Value = std::decay_t<decltype(value(*std::begin(items)))>;
  out.clear();
  big_endian(out, std::int32_t{1});  // dimensions
  big_endian(out, std::int32_t{0});  // flags: the receiver finds nulls itself
  big_endian(out, oid<Value>);
  const std::size_t count_at = out.size();
  big_endian(out, std::int32_t{0});
  big_endian(out, std::int32_t{1});  // lower bound
  std::uint32_t count{};
  for (const auto& item : items) {
    element(out, value(item));
    ++count;
  }
  for (std::size_t i = 0; i < 4; ++i) out[count_at + i] = static_cast<char>(count >> (8 * (3 - i)));
}

// A range over the records of one kind, without a copy.
template <class Kind>
class Only {
 public:
  explicit Only(std::span<const Record> records) : records_{records} {}
  struct Item {
    const Record& record;
    const Kind& body;
  };
  class Iterator {
   public:
    Iterator(const Record* at, const Record* end) : at_{at}, end_{end} { skip(); }
    Item operator*() const { return {*at_, *std::get_if<Kind>(&at_->body)}; }
    Iterator& operator++() {
      ++at_;
      skip();
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    void skip() {
      while (at_ != end_ && !std::holds_alternative<Kind>(at_->body)) ++at_;
    }
    const Record* at_;
    const Record* end_;
  };
  Iterator begin() const { return {records_.data(), records_.data() + records_.size()}; }
  Iterator end() const { return {records_.data() + records_.size(), records_.data() + records_.size()}; }

 private:
  std::span<const Record> records_;
};

// A table's columns in the order in which fill_*() makes them. `from` is how the array's element becomes the column.
struct Field {
  std::string_view name;
  std::string_view type;
  std::string_view from{};
};

constexpr std::array message_fields{
    Field{"desk", "int"},        Field{"chat", "bigint"},  Field{"stream", "smallint"}, Field{"seq", "int"},
    Field{"position", "bigint"}, Field{"at_ms", "bigint"}, Field{"origin", "smallint"}, Field{"kind", "smallint"},
    Field{"reason", "smallint"}, Field{"reply_to", "int"}, Field{"id", "uuid"},         Field{"person", "text"},
    Field{"text", "text"}};
constexpr std::array fact_fields{Field{"desk", "int"},       Field{"chat", "bigint"},   Field{"position", "bigint"},
                                 Field{"at_ms", "bigint"},   Field{"kind", "smallint"}, Field{"reason", "smallint"},
                                 Field{"clock", "smallint"}, Field{"ordinal", "int"},   Field{"number", "bigint"},
                                 Field{"shop", "text"},      Field{"queue", "text"},    Field{"agent", "text"},
                                 Field{"detail", "text"}};
constexpr std::array deed_fields{
    Field{"desk", "int"},     Field{"chat", "bigint"},   Field{"stream", "smallint"},         Field{"seq", "int"},
    Field{"at_ms", "bigint"}, Field{"kind", "smallint"}, Field{"body", "text", "body::jsonb"}};
constexpr std::array chat_fields{Field{"desk", "int"},
                                 Field{"chat", "bigint"},
                                 Field{"opened_ms", "bigint"},
                                 Field{"queued_ms", "bigint"},
                                 Field{"lined_up_ms", "bigint"},
                                 Field{"placed_ms", "bigint"},
                                 Field{"answered_first_ms", "bigint"},
                                 Field{"closed_ms", "bigint", "nullif(closed_ms, 0)"},
                                 Field{"left_ms", "bigint", "nullif(left_ms, 0)"},
                                 Field{"told_ms", "bigint", "nullif(told_ms, 0)"},
                                 Field{"asked", "smallint", "asked <> 0"},
                                 Field{"policy_version", "bigint"},
                                 Field{"priority_s", "int"},
                                 Field{"excused", "int"},
                                 Field{"place", "smallint"},
                                 Field{"reason", "smallint"},
                                 Field{"guest", "smallint", "guest <> 0"},
                                 Field{"shop", "text"},
                                 Field{"buyer", "text"},
                                 Field{"level", "text"},
                                 Field{"queue", "text"},
                                 Field{"agent", "text"},
                                 Field{"wanted", "text"},
                                 Field{"skills", "text", "string_to_array(skills, ',')"}};

// ", message_in as (insert into message (...) select ... from (select unnest($5::int[]) desk, ...) u where ...)".
// The arrays run side by side in a select list, which PostgreSQL does without storing them in between.
std::string insert(std::string_view table, std::span<const Field> fields, int& parameter,
                   std::string_view on_conflict) {
  std::string names, values, arrays;
  for (const Field& field : fields) {
    const char* comma = names.empty() ? "" : ", ";
    names.append(comma) += field.name;
    values.append(comma) += field.from.empty() ? field.name : field.from;
    arrays.append(comma).append("unnest($").append(std::to_string(++parameter)).append("::");
    arrays.append(field.type).append("[]) ").append(field.name);
  }
  std::string sql{", "};
  sql.append(table).append("_in as (insert into ").append(table).append(" (").append(names).append(") select ");
  sql.append(values).append(" from (select ").append(arrays).append(") u where desk in (select desk from own)");
  return sql.append(on_conflict).append(")");
}

std::int64_t ms(Instant at) { return ms_of(at); }
template <class Enum>
std::int16_t small(Enum value) {
  return static_cast<std::int16_t>(value);
}

}  // namespace

Instant made_at(const Record& record) {
  return std::visit(
      [](const auto& body) {
        if constexpr (requires { body.at; }) return body.at;
        else return std::max(body.placed, body.closed.value_or(body.placed));
      },
      record.body);
}

std::string& Columns::next() {
  if (used_ == arrays_.size()) arrays_.emplace_back();
  return arrays_[used_++];
}

void Columns::fill(std::span<const Record> records, bool owner_only) {
  used_ = 0;
  kinds_ = 0;
  if (!owner_only)
    for (const Record& record : records) {
      constexpr unsigned bits[]{message, fact, chat, deed};  // in the order of record::Body
      kinds_ |= bits[record.body.index()];
    }
  fill_owners(records);
  if (kinds_ & message) fill_messages(records);
  if (kinds_ & fact) fill_facts(records);
  if (kinds_ & deed) fill_deeds(records);
  if (kinds_ & chat) fill_chats(records);
}

void Columns::fill_owners(std::span<const Record> records) {
  struct Owner {
    DeskId desk;
    Epoch epoch;
    Position last;
    Instant newest;
  };
  std::vector<Owner> owners;
  for (const Record& record : records) {
    auto owner = std::find_if(owners.rbegin(), owners.rend(), [&](const Owner& o) { return o.desk == record.desk; });
    Owner& mine = owner == owners.rend() ? owners.emplace_back(record.desk, record.epoch) : *owner;
    mine.last = record.position;
    mine.newest = std::max(mine.newest, made_at(record));
  }
  column(next(), owners, [](const Owner& o) { return o.desk.value; });
  column(next(), owners, [](const Owner& o) { return o.epoch.value; });
  column(next(), owners, [](const Owner& o) { return o.last.value; });
  column(next(), owners, [](const Owner& o) { return ms(o.newest); });
}

void Columns::fill_messages(std::span<const Record> records) {
  // Three quarters of what a line costs PostgreSQL is finding its place in two indexes. In their order, neighbours go
  // to the same pages: an eighth less in all.
  lines_.clear();
  for (const Record& record : records)
    if (std::holds_alternative<record::Line>(record.body)) lines_.push_back(&record);
  const auto line_of = [](const Record* r) -> const record::Line& { return *std::get_if<record::Line>(&r->body); };
  const auto key = [&](const Record* r) { return std::tuple{r->desk, line_of(r).chat, r->position}; };
  std::sort(lines_.begin(), lines_.end(), [&](auto* a, auto* b) { return key(a) < key(b); });

  const auto make = [&](const auto& value) {
    column(next(), lines_, [&](const Record* r) { return value(line_of(r)); });
  };
  column(next(), lines_, [](const Record* r) { return r->desk.value; });
  make([](const record::Line& l) { return l.chat.value; });
  make([](const record::Line& l) { return small(l.stream); });
  make([](const record::Line& l) { return static_cast<std::int32_t>(l.seq.value); });
  column(next(), lines_, [](const Record* r) { return r->position.value; });
  make([](const record::Line& l) { return ms(l.at); });
  make([](const record::Line& l) { return small(l.origin); });
  make([](const record::Line& l) { return small(l.kind); });
  make([](const record::Line& l) { return small(l.reason); });
  make([](const record::Line& l) { return static_cast<std::int32_t>(l.reply_to.value); });
  make([](const record::Line& l) { return l.id; });
  make([](const record::Line& l) { return l.person; });
  make([](const record::Line& l) { return l.text; });
}

void Columns::fill_facts(std::span<const Record> records) {
  using Item = Only<record::Fact>::Item;
  const Only<record::Fact> facts{records};
  column(next(), facts, [](Item i) { return i.record.desk.value; });
  column(next(), facts, [](Item i) { return i.body.chat.value; });
  column(next(), facts, [](Item i) { return i.record.position.value; });
  column(next(), facts, [](Item i) { return ms(i.body.at); });
  column(next(), facts, [](Item i) { return small(i.body.kind); });
  column(next(), facts, [](Item i) { return small(i.body.reason); });
  column(next(), facts, [](Item i) { return small(i.body.clock); });
  column(next(), facts, [](Item i) { return i.body.ordinal; });
  column(next(), facts, [](Item i) { return i.body.number; });
  column(next(), facts, [](Item i) { return i.body.shop; });
  column(next(), facts, [](Item i) { return i.body.queue; });
  column(next(), facts, [](Item i) { return i.body.agent; });
  column(next(), facts, [](Item i) { return i.body.detail; });
}

void Columns::fill_deeds(std::span<const Record> records) {
  using Item = Only<record::Deed>::Item;
  const Only<record::Deed> deeds{records};
  column(next(), deeds, [](Item i) { return i.record.desk.value; });
  column(next(), deeds, [](Item i) { return i.body.chat.value; });
  column(next(), deeds, [](Item i) { return small(i.body.stream); });
  column(next(), deeds, [](Item i) { return static_cast<std::int32_t>(i.body.seq.value); });
  column(next(), deeds, [](Item i) { return ms(i.body.at); });
  column(next(), deeds, [](Item i) { return small(kind_of(i.body.body)); });
  column(next(), deeds, [](Item i) { return deed_to_json(i.body.body); });
}

void Columns::fill_chats(std::span<const Record> records) {
  // A statement may touch a row once, and the last state of a chat replaces the others anyway.
  chats_.clear();
  for (const Record& record : records)
    if (std::holds_alternative<record::Chat>(record.body)) chats_.push_back(&record);
  const auto chat_of = [](const Record* r) -> const record::Chat& { return *std::get_if<record::Chat>(&r->body); };
  const auto key = [&](const Record* r) { return std::pair{r->desk, chat_of(r).chat}; };
  std::stable_sort(chats_.begin(), chats_.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
  const auto newer_comes = [&](const Record* const& r) {
    const auto after = &r + 1;
    return after != chats_.data() + chats_.size() && key(*after) == key(r);
  };
  std::size_t kept{};
  for (const Record* const& each : chats_)
    if (!newer_comes(each)) chats_[kept++] = each;
  chats_.resize(kept);

  const auto make = [&](const auto& value) {
    column(next(), chats_, [&](const Record* r) { return value(chat_of(r)); });
  };
  column(next(), chats_, [](const Record* r) { return r->desk.value; });
  make([](const record::Chat& c) { return c.chat.value; });
  make([](const record::Chat& c) { return ms(c.opened); });
  make([](const record::Chat& c) { return ms(c.queued); });
  make([](const record::Chat& c) { return ms(c.lined_up); });
  make([](const record::Chat& c) { return ms(c.placed); });
  make([](const record::Chat& c) { return ms(c.answered_first); });
  // Closed is what the place says; a closing without a time is as of the moment it was put there.
  make([](const record::Chat& c) {
    return c.place == Place::closed ? ms(c.closed.value_or(c.placed)) : std::int64_t{};
  });
  make([](const record::Chat& c) { return ms(c.left_since.value_or(Instant{})); });
  make([](const record::Chat& c) { return ms(c.told.value_or(Instant{})); });
  make([](const record::Chat& c) { return small(c.asked); });
  make([](const record::Chat& c) { return c.policy_version; });
  make([](const record::Chat& c) { return c.priority_s; });
  make([](const record::Chat& c) { return static_cast<std::int32_t>(c.excused.value); });
  make([](const record::Chat& c) { return small(c.place); });
  make([](const record::Chat& c) { return small(c.reason); });
  make([](const record::Chat& c) { return small(c.guest); });
  make([](const record::Chat& c) { return c.shop; });
  make([](const record::Chat& c) { return c.buyer; });
  make([](const record::Chat& c) { return c.level; });
  make([](const record::Chat& c) { return c.queue; });
  make([](const record::Chat& c) { return c.agent; });
  make([](const record::Chat& c) { return c.wanted; });
  make([](const record::Chat& c) {
    std::string all;
    for (const std::string_view skill : c.skills) (all += all.empty() ? "" : ",") += skill;
    return all;
  });
}

std::string Columns::name(Attempt attempt) const {
  return std::string{attempt == Attempt::first ? "first" : "again"} + std::to_string(kinds_);
}

std::string Columns::statement(Attempt attempt) const {
  const std::string_view on_conflict = attempt == Attempt::first ? "" : " on conflict do nothing";
  std::string sql{R"(
      with own as (
        update desk_owner o
        set position = greatest(o.position, u.position), at_ms = greatest(o.at_ms, u.at_ms)
        from (select unnest($1::int[]) desk, unnest($2::bigint[]) epoch, unnest($3::bigint[]) "position",
                     unnest($4::bigint[]) at_ms) u
        where o.desk = u.desk and o.epoch = u.epoch
        returning o.desk))"};
  int parameter{4};
  if (kinds_ & message) sql += insert("message", message_fields, parameter, on_conflict);
  if (kinds_ & fact) sql += insert("fact", fact_fields, parameter, on_conflict);
  if (kinds_ & deed) sql += insert("deed", deed_fields, parameter, on_conflict);
  if (kinds_ & chat) {
    std::string replace{" on conflict (desk, chat) do update set "};
    for (const Field& field : std::span{chat_fields}.subspan(2)) {
      if (&field != &chat_fields[2]) replace += ", ";
      replace.append(field.name).append(" = excluded.").append(field.name);
    }
    sql += insert("chat", chat_fields, parameter, replace);
  }
  return sql + " select desk from own";
}

std::string missing_lines_statement() {
  return R"(
      select u.desk, u."position"
      from (select unnest($1::int[]) desk, unnest($2::bigint[]) chat, unnest($3::smallint[]) stream,
                   unnest($4::int[]) seq, unnest($5::bigint[]) "position", unnest($6::smallint[]) kind) u
      where not exists (
        select from message m
        where m.desk = u.desk and m.chat = u.chat and m.stream = u.stream and m.seq = u.seq and m.position = u.position
          and m.kind = u.kind))";
}

std::vector<std::string> missing_lines_arrays(std::span<const Record> records) {
  using Item = Only<record::Line>::Item;
  const Only<record::Line> lines{records};
  std::vector<std::string> arrays(6);
  column(arrays[0], lines, [](Item i) { return i.record.desk.value; });
  column(arrays[1], lines, [](Item i) { return i.body.chat.value; });
  column(arrays[2], lines, [](Item i) { return small(i.body.stream); });
  column(arrays[3], lines, [](Item i) { return static_cast<std::int32_t>(i.body.seq.value); });
  column(arrays[4], lines, [](Item i) { return i.record.position.value; });
  // A replacement that an earlier try stored has all but this in common with the line.
  column(arrays[5], lines, [](Item i) { return small(i.body.kind); });
  return arrays;
}

}  // namespace deskd
