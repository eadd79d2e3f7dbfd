// records.hpp - What is written down, as plain values.
//
//        desk ── records in order of position ──> batch ──> writer ──> PostgreSQL
//                                                              │
//        desk <────────── Durable{desk, position} ─────────────┘
//
// The desk makes records and numbers them; `position` has no gaps within a desk and epoch order is position order.
// Nothing here knows SQL. Text in a record is a view that lives until the record has been appended to a batch.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/words.hpp"

namespace deskd::record {

// A line of a transcript. `person` is the buyer's id, the agent's name, or empty when the system spoke.
struct Line {
  ChatId chat;
  Stream stream{};
  Seq seq;
  Instant at;
  Origin origin{};
  LineKind kind{};
  std::string_view person;
  CommandId id;     // zero when no client asked for the line
  Seq reply_to;     // of recalled: the line taken back; of order_answer: the order's line; of words: the line answered
  Reason reason{};  // of closed, transferred
  std::string_view text;  // of words; of joined: the agent's title; of transferred: the queue's or agent's name
};

// What was decided: numbers, names of queues and agents, and reasons. No words, and of a buyer no more than the id.
struct Fact {
  ChatId chat;  // 0: the fact is about a person or the desk
  Instant at;
  FactKind kind{};
  Reason reason{};
  std::string_view shop;
  std::string_view queue;
  std::string_view agent;
  ClockKind clock{};        // of missed
  std::int32_t ordinal{};   // of missed: unique per (chat, clock); of others: a count, by kind
  std::int64_t number{};    // of missed: how late, ms; of queued, requeued, assigned: the age in ms; by kind
  std::string_view detail;  // of assigned: the explanation as JSON, at most 1 KB; of revoked: a buyer's id
                            // (reason identified: a guest's); of identified without a chat: the buyer's that
                            // the guest is now; of adjusted: names of queues; else empty
};

// A chat as routing last left it: the newest one in force replaces the row. What lines tell (seq, waiting_since, marks)
// is not repeated here.
struct Chat {
  ChatId chat;
  std::string_view shop;
  std::string_view buyer;
  bool guest{};
  std::string_view level;  // of the buyer, by the token of the newest sign-in
  Place place{};
  std::string_view queue;
  std::string_view agent;   // of held; else the last agent who held it
  std::string_view wanted;  // the agent whom the buyer waits for; empty: anyone
  Instant opened;
  Instant queued;                 // age in the queue counts from here, over every requeue
  Instant lined_up;               // since when it stands in line without an agent who holds it
  Instant placed;                 // entered this place
  std::int32_t priority_s{};      // seconds added to the age when the row was made
  std::int64_t policy_version{};  // whose promises the chat keeps
  Reason reason{};                // why it is where it is
  std::optional<Instant> closed;
  std::optional<Instant> left_since;     // it is a left message: since when, over every agent who had it
  std::optional<Instant> told;           // when the buyer was last told the wait and asked, or answered that
  bool asked{};                          // ... and the question stands
  Instant answered_first;                // first effective answer; 0 before it
  Seq excused;                           // an agent said that the buyer's lines up to this one need no answer
  std::vector<std::string_view> skills;  // asked for at opening
};

// One article of an order.
struct Item {
  std::string article;
  std::string spec;
  std::string colour;
  std::int32_t quantity{};
  bool operator==(const Item&) const = default;
};

// What the agent puts to the buyer for confirmation. Personal data: lives in the deed table and nowhere else.
struct Order {
  std::string order_no;
  std::vector<Item> items;
  std::string address;
  std::string recipient;
  std::string phone;
  std::string requests;      // courier, gift, card, free text
  std::string return_terms;  // the text that was shown, before the buyer was asked
  Instant terms_told;
  std::int32_t version{};  // 1, 2 ... within one order_no of a chat
  bool operator==(const Order&) const = default;
};

struct Correction {
  std::string field;  // "address", "items[0].quantity" ...
  std::string value;
  bool operator==(const Correction&) const = default;
};

struct OrderAnswer {
  Seq order;  // the line that put the order
  std::int32_t version{};
  bool confirmed{};
  std::vector<Correction> corrections;  // empty when confirmed
  bool operator==(const OrderAnswer&) const = default;
};

struct Rating {
  std::int32_t score{};  // 1..5
  std::string text;
  bool operator==(const Rating&) const = default;
};

// Bytes of what a deed says, for the bounds on what waits to be stored.
inline std::size_t bytes_of(const Order& order) {
  std::size_t sum = order.order_no.size() + order.address.size() + order.recipient.size() + order.phone.size() +
                    order.requests.size() + order.return_terms.size();
  for (const Item& item : order.items)
    sum += sizeof(item) + item.article.size() + item.spec.size() + item.colour.size();
  return sum;
}
inline std::size_t bytes_of(const OrderAnswer& answer) {
  std::size_t sum{};
  for (const Correction& each : answer.corrections) sum += sizeof(each) + each.field.size() + each.value.size();
  return sum;
}
inline std::size_t bytes_of(const Rating& rating) { return rating.text.size(); }

// The body of a deed. It is stored in the transaction of the line with the same (chat, stream, seq).
struct Deed {
  ChatId chat;
  Seq seq;
  Instant at;
  std::variant<Order, OrderAnswer, Rating> body;
  Stream stream{};
};

// One version of a desk's policy, as the admin said it.
struct Policy {
  std::int64_t version{};
  std::string body;  // JSON
  std::string by;
  Instant at;
};

using Body = std::variant<Line, Fact, Chat, Deed>;

}  // namespace deskd::record

namespace deskd {

struct Record {
  DeskId desk;
  Epoch epoch;
  Position position;
  record::Body body;
};

}  // namespace deskd
