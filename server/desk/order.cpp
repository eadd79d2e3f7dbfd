#include "server/desk/order.hpp"

#include <functional>

#include "server/desk/rights.hpp"
#include "server/desk/seating.hpp"
#include "server/desk/sla.hpp"
#include "server/desk/talk.hpp"

namespace deskd::order {

namespace {

// The name of the first field that is missing or too long; empty when the order is whole.
std::string_view wrong_field(const record::Order& order) {
  const auto bad = [](const std::string& text) { return text.empty() || text.size() > limits::order_field_bytes_max; };
  const auto too_long = [](const std::string& text) { return text.size() > limits::order_field_bytes_max; };
  if (bad(order.order_no)) return "order_no";
  if (order.items.empty() || order.items.size() > limits::order_items_max) return "items";
  for (const record::Item& item : order.items) {
    if (bad(item.article)) return "items.article";
    if (too_long(item.spec)) return "items.spec";
    if (too_long(item.colour)) return "items.colour";
    if (item.quantity < 1) return "items.quantity";
  }
  if (bad(order.address)) return "address";
  if (bad(order.recipient)) return "recipient";
  if (bad(order.phone)) return "phone";
  if (too_long(order.requests)) return "requests";
  if (order.return_terms.empty() || order.return_terms.size() > limits::return_terms_bytes_max) return "return_terms";
  return {};
}

// Everything that makes one order another, for telling a repeat from a new one under the same id.
std::string fingerprint(const record::Order& order) {
  std::string all = order.order_no + '\n' + order.address + '\n' + order.recipient + '\n' + order.phone + '\n' +
                    order.requests + '\n' + order.return_terms;
  for (const record::Item& item : order.items) {
    all += '\n' + item.article + '\t' + item.spec + '\t' + item.colour + '\t' + std::to_string(item.quantity);
  }
  return all;
}

std::string fingerprint(const record::OrderAnswer& answer) {
  std::string all = std::to_string(answer.order.value) + (answer.confirmed ? "+" : "-");
  for (const record::Correction& correction : answer.corrections)
    all += '\n' + correction.field + '\t' + correction.value;
  return all;
}

// The newest version of an order in this chat, and its line.
std::pair<Seq, const record::Order*> newest(const Chat& chat, std::string_view order_no) {
  std::pair<Seq, const record::Order*> found{};
  for (const auto& [seq, deed] : chat.deeds) {
    const auto* order = std::get_if<record::Order>(&deed);
    if (order != nullptr && order->order_no == order_no && !chat.main.line(seq).refused) found = {seq, order};
  }
  return found;
}

}  // namespace

std::uint64_t content(const record::Order& order) { return content_of(LineKind::order, {}, fingerprint(order)); }

std::uint64_t content(const record::OrderAnswer& answer) {
  return content_of(LineKind::order_answer, answer.order, fingerprint(answer));
}

void handle(Floor& floor, Session& session, const ask::ProposeOrder& propose) {
  if (!rights::is_staff(floor, session, propose.id)) return;
  const std::uint64_t said = content(propose.order);
  Chat* chat = rights::chat_to_speak_in(floor, session, propose.chat, Stream::main, propose.id, said);
  if (chat == nullptr) return;
  if (talk::repeated(floor, session, *chat, Stream::main, propose.id, said)) return;
  if (const std::string_view field = wrong_field(propose.order); !field.empty()) {
    return floor.refuse(session, propose.id, Code::bad_order, field);
  }
  if (!rights::may_add_line(floor, session, *chat, Stream::main, propose.id)) return;
  record::Order order = propose.order;
  const auto [seq, before] = newest(*chat, order.order_no);
  order.version = before == nullptr ? 1 : before->version + 1;
  order.terms_told = floor.now;
  // Her own session hears the line too: version and terms_told are ours to say.
  talk::append(
      floor, *chat, Stream::main,
      {.id = propose.id, .reply_to = seq, .author = session.agent, .origin = Origin::human, .kind = LineKind::order},
      {}, SessionId{}, std::move(order), said);
  sla::on_answer(floor, *chat);
}

void handle(Floor& floor, Session& session, const ask::AnswerOrder& ask) {
  if (!rights::is_buyer(floor, session, ask.id)) return;
  Chat* chat = rights::chat_or_stored(floor, session, ask.chat, ask.id);
  if (chat == nullptr) return;
  const record::OrderAnswer& answer = ask.answer;
  if (talk::repeated(floor, session, *chat, Stream::main, ask.id, content(answer))) return;
  if (!chat->open()) return floor.refuse(session, ask.id, Code::chat_closed);
  const Chat::Deed* deed = chat->deed(answer.order);
  const auto* order = deed == nullptr ? nullptr : std::get_if<record::Order>(deed);
  if (order == nullptr) return floor.refuse(session, ask.id, Code::unknown_line, "order");
  if (answer.version != order->version || newest(*chat, order->order_no).first != answer.order) {
    return floor.refuse(session, ask.id, Code::stale_version);
  }
  // Another tab may have been faster.
  const bool answered = std::any_of(chat->deeds.begin(), chat->deeds.end(), [&](const auto& known) {
    const auto* other = std::get_if<record::OrderAnswer>(&known.second);
    return other != nullptr && other->order == answer.order && !chat->main.line(known.first).refused;
  });
  if (answered) return floor.refuse(session, ask.id, Code::stale_version, "it has been answered");
  if (answer.corrections.size() > limits::corrections_max)
    return floor.refuse(session, ask.id, Code::bad_order, "corrections: too many");
  if (answer.confirmed != answer.corrections.empty()) {
    return floor.refuse(session, ask.id, Code::bad_order, "corrections: some when not confirmed, none when confirmed");
  }
  for (const record::Correction& correction : answer.corrections) {
    if (correction.field.empty() || correction.field.size() > limits::order_field_bytes_max ||
        correction.value.size() > limits::order_field_bytes_max) {
      return floor.refuse(session, ask.id, Code::bad_order, "corrections");
    }
  }
  if (!rights::may_add_line(floor, session, *chat, Stream::main, ask.id)) return;
  talk::append(floor, *chat, Stream::main,
               {.id = ask.id, .reply_to = answer.order, .origin = Origin::buyer, .kind = LineKind::order_answer}, {},
               session.id, answer, content(answer));
  // What is right needs no answer; a correction does.
  if (!answer.confirmed) seating::on_buyer_words(floor, *chat);
}

}  // namespace deskd::order
