// message_shapes.hpp - Every message's type and members, as the wire says them. SPEC.md and the JSON Schema are tested
// against this file.
//
// The texts and numbers of an order are not needed here although the desk demands them: a wrong order is `bad_order`,
// which the desk can say better than the codec.
#pragma once

#include "protocol/messages.hpp"
#include "protocol/shape.hpp"

namespace deskd {

template <>
struct Shape<record::Item> {
  using T = record::Item;
  static constexpr auto fields = std::tuple{may("article", &T::article), may("spec", &T::spec),
                                            may("colour", &T::colour), may("quantity", &T::quantity)};
};
template <>
struct Shape<record::Order> {
  using T = record::Order;
  static constexpr auto fields = std::tuple{
      may("order_no", &T::order_no),         may("items", &T::items),           may("address", &T::address),
      may("recipient", &T::recipient),       may("phone", &T::phone),           may("requests", &T::requests),
      may("return_terms", &T::return_terms), may("terms_told", &T::terms_told), may("version", &T::version)};
};
template <>
struct Shape<record::Correction> {
  using T = record::Correction;
  static constexpr auto fields = std::tuple{need("field", &T::field), may("value", &T::value)};
};
template <>
struct Shape<record::OrderAnswer> {
  using T = record::OrderAnswer;
  static constexpr auto fields = std::tuple{need("order", &T::order), need("version", &T::version),
                                            may("confirmed", &T::confirmed), may("corrections", &T::corrections)};
};
template <>
struct Shape<record::Rating> {
  using T = record::Rating;
  static constexpr auto fields = std::tuple{need("score", &T::score), may("text", &T::text)};
};

// What clients say.

template <>
struct Shape<ask::SignIn> {
  using T = ask::SignIn;
  static constexpr std::string_view type{"sign_in"};
  static constexpr auto fields = std::tuple{may("token", &T::token)};
};
template <>
struct Shape<ask::Refresh> {
  using T = ask::Refresh;
  static constexpr std::string_view type{"refresh"};
  static constexpr auto fields = std::tuple{need("token", &T::token)};
};
template <>
struct Shape<ask::Pong> {
  using T = ask::Pong;
  static constexpr std::string_view type{"pong"};
  static constexpr auto fields = std::tuple{need("n", &T::n)};
};
template <>
struct Shape<ask::Held> {
  using T = ask::Held;
  static constexpr auto fields =
      std::tuple{need("chat", &T::chat),    need("epoch", &T::epoch),  may("seq", &T::seq),
                 may("stored", &T::stored), may("inside", &T::inside), may("inside_stored", &T::inside_stored)};
};
template <>
struct Shape<ask::Resume> {
  using T = ask::Resume;
  static constexpr std::string_view type{"resume"};
  static constexpr auto fields = std::tuple{may("chats", &T::chats)};
};
template <>
struct Shape<ask::Open> {
  using T = ask::Open;
  static constexpr std::string_view type{"open"};
  static constexpr auto fields =
      std::tuple{need("id", &T::id), may("queue", &T::queue), may("agent", &T::agent), may("skills", &T::skills)};
};
template <>
struct Shape<ask::Say> {
  using T = ask::Say;
  static constexpr std::string_view type{"say"};
  static constexpr auto fields = std::tuple{need("id", &T::id),        need("chat", &T::chat),
                                            need("text", &T::text),    may("reply_to", &T::reply_to),
                                            may("assist", &T::assist), may("inside", &T::inside)};
};
template <>
struct Shape<ask::Recall> {
  using T = ask::Recall;
  static constexpr std::string_view type{"recall"};
  static constexpr auto fields =
      std::tuple{need("id", &T::id), need("chat", &T::chat), need("seq", &T::seq), may("inside", &T::inside)};
};
template <>
struct Shape<ask::Typing> {
  using T = ask::Typing;
  static constexpr std::string_view type{"typing"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("on", &T::on)};
};
template <>
struct Shape<ask::Mark> {
  using T = ask::Mark;
  static constexpr std::string_view type{"mark"};
  static constexpr auto fields =
      std::tuple{need("chat", &T::chat), may("delivered", &T::delivered), may("read", &T::read)};
};
template <>
struct Shape<ask::Choose> {
  using T = ask::Choose;
  static constexpr std::string_view type{"choose"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), need("choice", &T::choice)};
};
template <>
struct Shape<ask::AnswerOrder> {
  using T = ask::AnswerOrder;
  static constexpr std::string_view type{"answer_order"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), need("answer", &T::answer)};
};
template <>
struct Shape<ask::Rate> {
  using T = ask::Rate;
  static constexpr std::string_view type{"rate"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), need("rating", &T::rating)};
};
template <>
struct Shape<ask::Close> {
  using T = ask::Close;
  static constexpr std::string_view type{"close"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat)};
};
template <>
struct Shape<ask::SetStatus> {
  using T = ask::SetStatus;
  static constexpr std::string_view type{"set_status"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("status", &T::status)};
};
template <>
struct Shape<ask::Accept> {
  using T = ask::Accept;
  static constexpr std::string_view type{"accept"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat)};
};
template <>
struct Shape<ask::Decline> {
  using T = ask::Decline;
  static constexpr std::string_view type{"decline"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat)};
};
template <>
struct Shape<ask::Pull> {
  using T = ask::Pull;
  static constexpr std::string_view type{"pull"};
  static constexpr auto fields = std::tuple{need("id", &T::id), may("chat", &T::chat)};
};
template <>
struct Shape<ask::NoAnswerNeeded> {
  using T = ask::NoAnswerNeeded;
  static constexpr std::string_view type{"no_answer_needed"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), need("seq", &T::seq)};
};
template <>
struct Shape<ask::ProposeOrder> {
  using T = ask::ProposeOrder;
  static constexpr std::string_view type{"propose_order"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), need("order", &T::order)};
};
template <>
struct Shape<ask::Transfer> {
  using T = ask::Transfer;
  static constexpr std::string_view type{"transfer"};
  static constexpr auto fields =
      std::tuple{need("id", &T::id), need("chat", &T::chat), may("agent", &T::agent), may("queue", &T::queue)};
};
template <>
struct Shape<ask::WrapUpDone> {
  using T = ask::WrapUpDone;
  static constexpr std::string_view type{"wrap_up_done"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat)};
};
template <>
struct Shape<ask::ReadHistory> {
  using T = ask::ReadHistory;
  static constexpr std::string_view type{"read_history"};
  static constexpr auto fields = std::tuple{need("id", &T::id), may("chat", &T::chat), may("before", &T::before),
                                            may("before_seq", &T::before_seq)};
};
template <>
struct Shape<ask::Watch> {
  using T = ask::Watch;
  static constexpr std::string_view type{"watch"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), may("on", &T::on)};
};
template <>
struct Shape<ask::TakeOver> {
  using T = ask::TakeOver;
  static constexpr std::string_view type{"take_over"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat)};
};
template <>
struct Shape<ask::Reassign> {
  using T = ask::Reassign;
  static constexpr std::string_view type{"reassign"};
  static constexpr auto fields =
      std::tuple{need("id", &T::id), need("chat", &T::chat), may("agent", &T::agent), may("queue", &T::queue)};
};
template <>
struct Shape<ask::SetAgent> {
  using T = ask::SetAgent;
  static constexpr std::string_view type{"set_agent"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("agent", &T::agent), may("status", &T::status),
                                            may("capacity", &T::capacity), may("queues", &T::queues)};
};
template <>
struct Shape<ask::SetSurge> {
  using T = ask::SetSurge;
  static constexpr std::string_view type{"set_surge"};
  static constexpr auto fields = std::tuple{need("id", &T::id), may("on", &T::on)};
};
template <>
struct Shape<ask::Explain> {
  using T = ask::Explain;
  static constexpr std::string_view type{"explain"};
  static constexpr auto fields = std::tuple{need("id", &T::id), need("chat", &T::chat), may("all", &T::all)};
};
template <>
struct Shape<ask::Figures> {
  using T = ask::Figures;
  static constexpr std::string_view type{"figures"};
  static constexpr auto fields = std::tuple{need("id", &T::id), may("on", &T::on)};
};

// What the server says.

template <>
struct Shape<tell::SignedIn> {
  using T = tell::SignedIn;
  static constexpr std::string_view type{"signed_in"};
  static constexpr auto fields =
      std::tuple{need("session", &T::session), need("role", &T::role),  need("person", &T::person),
                 need("desk", &T::desk),       may("shop", &T::shop),   need("epoch", &T::epoch),
                 need("now", &T::now),         may("token", &T::token), need("expires", &T::expires)};
};
template <>
struct Shape<tell::Line> {
  using T = tell::Line;
  static constexpr std::string_view type{"line"};
  static constexpr auto fields =
      std::tuple{need("chat", &T::chat),    may("stream", &T::stream),  need("seq", &T::seq),
                 need("at", &T::at),        need("origin", &T::origin), need("kind", &T::kind),
                 may("from", &T::from),     may("id", &T::id),          may("reply_to", &T::reply_to),
                 may("reason", &T::reason), may("text", &T::text),      may("hidden", &T::hidden),
                 may("stored", &T::stored), may("order", &T::order),    may("order_answer", &T::order_answer),
                 may("rating", &T::rating)};
};
template <>
struct Shape<tell::StoredLine> {
  using T = tell::StoredLine;
  static constexpr auto fields = std::tuple{need("id", &T::id), need("seq", &T::seq), need("at", &T::at)};
};
template <>
struct Shape<tell::Stored> {
  using T = tell::Stored;
  static constexpr std::string_view type{"stored"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("stream", &T::stream),
                                            need("stored", &T::stored), may("lines", &T::lines)};
};
template <>
struct Shape<tell::Accepted> {
  using T = tell::Accepted;
  static constexpr std::string_view type{"accepted"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("stream", &T::stream), need("id", &T::id),
                                            need("seq", &T::seq), need("at", &T::at)};
};
template <>
struct Shape<tell::Done> {
  using T = tell::Done;
  static constexpr std::string_view type{"done"};
  static constexpr auto fields = std::tuple{need("id", &T::id), may("chat", &T::chat), may("seq", &T::seq)};
};
template <>
struct Shape<tell::Error> {
  using T = tell::Error;
  static constexpr std::string_view type{"error"};
  static constexpr auto fields = std::tuple{may("id", &T::id), need("code", &T::code), may("message", &T::message),
                                            may("retry_after_ms", &T::retry_after_ms)};
};
template <>
struct Shape<tell::ChatState> {
  using T = tell::ChatState;
  static constexpr std::string_view type{"chat_state"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat),
                                            need("epoch", &T::epoch),
                                            need("place", &T::place),
                                            need("shop", &T::shop),
                                            may("queue", &T::queue),
                                            may("agent", &T::agent),
                                            may("agent_title", &T::agent_title),
                                            may("buyer", &T::buyer),
                                            need("opened", &T::opened),
                                            may("waiting_since", &T::waiting_since),
                                            may("seq", &T::seq),
                                            may("stored", &T::stored),
                                            may("inside", &T::inside),
                                            may("inside_stored", &T::inside_stored),
                                            may("buyer_delivered", &T::buyer_delivered),
                                            may("buyer_read", &T::buyer_read),
                                            may("agent_delivered", &T::agent_delivered),
                                            may("agent_read", &T::agent_read),
                                            may("buyer_present", &T::buyer_present),
                                            may("agent_present", &T::agent_present),
                                            may("mine", &T::mine),
                                            may("rated", &T::rated),
                                            may("reason", &T::reason),
                                            may("other", &T::other)};
};
template <>
struct Shape<tell::Typing> {
  using T = tell::Typing;
  static constexpr std::string_view type{"typing"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("buyer", &T::buyer), may("on", &T::on)};
};
template <>
struct Shape<tell::Marks> {
  using T = tell::Marks;
  static constexpr std::string_view type{"marks"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("buyer", &T::buyer),
                                            may("delivered", &T::delivered), may("read", &T::read)};
};
template <>
struct Shape<tell::Presence> {
  using T = tell::Presence;
  static constexpr std::string_view type{"presence"};
  static constexpr auto fields =
      std::tuple{need("chat", &T::chat), may("buyer", &T::buyer), may("present", &T::present)};
};
template <>
struct Shape<tell::InLine> {
  using T = tell::InLine;
  static constexpr std::string_view type{"in_line"};
  static constexpr auto fields =
      std::tuple{need("chat", &T::chat), need("ahead", &T::ahead), may("wait_p50_s", &T::wait_p50_s),
                 may("wait_p90_s", &T::wait_p90_s), may("choose", &T::choose)};
};
template <>
struct Shape<tell::AgentState> {
  using T = tell::AgentState;
  static constexpr std::string_view type{"agent_state"};
  static constexpr auto fields =
      std::tuple{need("agent", &T::agent),  may("title", &T::title),        need("status", &T::status),
                 may("reason", &T::reason), need("capacity", &T::capacity), need("held_max", &T::held_max),
                 need("load", &T::load),    need("held", &T::held),         need("wrapping", &T::wrapping)};
};
template <>
struct Shape<tell::Offer> {
  using T = tell::Offer;
  static constexpr std::string_view type{"offer"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), need("queue", &T::queue), need("until", &T::until),
                                            need("waited_ms", &T::waited_ms)};
};
template <>
struct Shape<tell::OfferEnded> {
  using T = tell::OfferEnded;
  static constexpr std::string_view type{"offer_ended"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("reason", &T::reason)};
};
template <>
struct Shape<tell::Released> {
  using T = tell::Released;
  static constexpr std::string_view type{"released"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), may("reason", &T::reason)};
};
template <>
struct Shape<tell::WrapUp> {
  using T = tell::WrapUp;
  static constexpr std::string_view type{"wrap_up"};
  static constexpr auto fields = std::tuple{need("chat", &T::chat), need("until", &T::until)};
};
template <>
struct Shape<tell::WarnedChat> {
  using T = tell::WarnedChat;
  static constexpr auto fields =
      std::tuple{need("chat", &T::chat), need("waiting_since", &T::waiting_since), need("clock", &T::clock),
                 need("percent", &T::percent), may("breached", &T::breached)};
};
template <>
struct Shape<tell::Warning> {
  using T = tell::Warning;
  static constexpr std::string_view type{"warning"};
  static constexpr auto fields = std::tuple{may("chats", &T::chats)};
};
template <>
struct Shape<tell::HistoryLine> {
  using T = tell::HistoryLine;
  static constexpr auto fields =
      std::tuple{need("seq", &T::seq),      need("at", &T::at),      need("origin", &T::origin),
                 need("kind", &T::kind),    may("from", &T::from),   may("text", &T::text),
                 may("hidden", &T::hidden), may("order", &T::order), may("order_answer", &T::order_answer),
                 may("rating", &T::rating)};
};
template <>
struct Shape<tell::HistoryChat> {
  using T = tell::HistoryChat;
  static constexpr auto fields = std::tuple{need("chat", &T::chat), need("shop", &T::shop), need("opened", &T::opened),
                                            may("closed", &T::closed), may("lines", &T::lines)};
};
template <>
struct Shape<tell::History> {
  using T = tell::History;
  static constexpr std::string_view type{"history"};
  static constexpr auto fields = std::tuple{need("id", &T::id), may("chats", &T::chats), may("more", &T::more)};
};
template <>
struct Shape<tell::Candidate> {
  using T = tell::Candidate;
  static constexpr auto fields = std::tuple{need("agent", &T::agent),
                                            need("fell_out", &T::fell_out),
                                            need("load", &T::load),
                                            need("capacity", &T::capacity),
                                            need("held", &T::held),
                                            need("held_max", &T::held_max),
                                            may("last_assigned", &T::last_assigned)};
};
template <>
struct Shape<tell::Explained> {
  using T = tell::Explained;
  static constexpr std::string_view type{"explained"};
  static constexpr auto fields =
      std::tuple{need("id", &T::id), need("chat", &T::chat), may("text", &T::text), may("candidates", &T::candidates)};
};
template <>
struct Shape<tell::QueueFigures> {
  using T = tell::QueueFigures;
  static constexpr auto fields =
      std::tuple{need("queue", &T::queue), need("waiting", &T::waiting), need("absent", &T::absent),
                 need("left_messages", &T::left_messages), need("oldest_wait_ms", &T::oldest_wait_ms)};
};
template <>
struct Shape<tell::Figures> {
  using T = tell::Figures;
  static constexpr std::string_view type{"figures"};
  static constexpr auto fields = std::tuple{need("now", &T::now),       need("agents_available", &T::agents_available),
                                            need("places", &T::places), need("places_taken", &T::places_taken),
                                            need("held", &T::held),     need("backlog_bytes", &T::backlog_bytes),
                                            may("surge", &T::surge),    may("queues", &T::queues)};
};
template <>
struct Shape<tell::Alarm> {
  using T = tell::Alarm;
  static constexpr std::string_view type{"alarm"};
  static constexpr auto fields = std::tuple{may("chat", &T::chat), need("clock", &T::clock), may("reason", &T::reason),
                                            may("queue", &T::queue), need("waited_ms", &T::waited_ms)};
};
template <>
struct Shape<tell::Ping> {
  using T = tell::Ping;
  static constexpr std::string_view type{"ping"};
  static constexpr auto fields = std::tuple{need("n", &T::n)};
};

}  // namespace deskd
