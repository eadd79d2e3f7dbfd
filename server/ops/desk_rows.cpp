// desk_rows.cpp - See desk_rows.hpp. A counter is its member in counters.hpp and its row here.
#include "server/ops/desk_rows.hpp"

#include <array>

namespace deskd {
namespace {

template <auto member>
constexpr MetricRow<Counters> count(std::string_view name, std::string_view help, Label label = {}) {
  return {name, MetricType::counter, help, [](const Counters& from) { return static_cast<double>(from.*member); },
          label};
}
template <auto member, class Source = tell::Figures>
constexpr MetricRow<Source> gauge(std::string_view name, std::string_view help) {
  return {name, MetricType::gauge, help, [](const Source& from) { return static_cast<double>(from.*member); }};
}

// Said once for the rows that share a name.
constexpr std::string_view routed{"What routing did with chats."};
constexpr std::string_view missed{"Promises of reply that were passed, by step."};
constexpr std::string_view shed{"Work that was left out under load."};

using C = Counters;
using F = tell::Figures;
using Q = tell::QueueFigures;

constexpr std::array counted{
    count<&C::steps>("deskd_desk_steps_total", "Events that the desk has taken."),
    count<&C::chats_opened>("deskd_chats_opened_total", "Chats opened."),
    count<&C::chats_closed>("deskd_chats_closed_total", "Chats closed, for whatever reason."),
    count<&C::chats_reopened>("deskd_chats_reopened_total", "Chats whose buyer came back in time."),
    count<&C::lines>("deskd_lines_total", "Lines of words, of both sides."),
    count<&C::lines_repeated>("deskd_lines_repeated_total", "Lines said again under an id that was taken already."),
    count<&C::queued>("deskd_routed_total", routed, {"act", "queued"}),
    count<&C::offered>("deskd_routed_total", routed, {"act", "offered"}),
    count<&C::declined>("deskd_routed_total", routed, {"act", "declined"}),
    count<&C::lapsed>("deskd_routed_total", routed, {"act", "lapsed"}),
    count<&C::assigned>("deskd_routed_total", routed, {"act", "assigned"}),
    count<&C::requeued>("deskd_routed_total", routed, {"act", "requeued"}),
    count<&C::transferred>("deskd_routed_total", routed, {"act", "transferred"}),
    count<&C::taken_over>("deskd_routed_total", routed, {"act", "taken_over"}),
    count<&C::left_messages>("deskd_left_messages_total", "Chats that became left messages."),
    count<&C::asked>("deskd_buyers_asked_total", "Waiting buyers who were told the wait and asked to choose."),
    count<&C::absent>("deskd_buyers_absent_total", "Waiting buyers whose grace ran out."),
    count<&C::returned>("deskd_buyers_returned_total", "Absent buyers who came back while they still waited."),
    count<&C::missed_target>("deskd_missed_total", missed, {"step", "target"}),
    count<&C::missed_limit>("deskd_missed_total", missed, {"step", "limit"}),
    count<&C::missed_reminder>("deskd_missed_total", missed, {"step", "reminder"}),
    count<&C::missed_breach>("deskd_missed_total", missed, {"step", "breach"}),
    count<&C::missed_queue_wait>("deskd_missed_total", missed, {"step", "queue_wait"}),
    count<&C::waits_unanswered>("deskd_waits_unanswered_total", "Chats that ended while their buyer waited."),
    count<&C::waits_excused>("deskd_waits_excused_total", "Waits that an agent said need no answer."),
    count<&C::over_capacity>("deskd_over_capacity_total", "Times that load passed capacity by a named exception."),
    count<&C::refused_commands>("deskd_commands_refused_total", "Commands answered with an error."),
    count<&C::shed_typing>("deskd_shed_total", shed, {"work", "typing"}),
    count<&C::shed_receipts>("deskd_shed_total", shed, {"work", "receipts"}),
    count<&C::shed_figures>("deskd_shed_total", shed, {"work", "figures"}),
    count<&C::shed_history>("deskd_shed_total", shed, {"work", "history"}),
    count<&C::shed_guests>("deskd_shed_total", shed, {"work", "guests"}),
    count<&C::shed_chats>("deskd_shed_total", shed, {"work", "chats"}),
    count<&C::shed_words>("deskd_shed_total", shed, {"work", "words"}),
    count<&C::records>("deskd_records_total", "Records given to storage."),
    count<&C::records_durable>("deskd_records_durable_total", "Records that are committed."),
    count<&C::records_refused>("deskd_records_refused_total", "Records that the database would not hold."),
    count<&C::timers_fired>("deskd_timers_fired_total", "Clocks that came due."),
    count<&C::sessions_opened>("deskd_sessions_opened_total", "Sessions that signed in."),
    count<&C::sessions_closed>("deskd_sessions_closed_total", "Sessions that ended after signing in."),
};

constexpr std::array figured{
    gauge<&F::agents_available>("deskd_agents_available", "Agents who take new chats."),
    gauge<&F::places>("deskd_places", "What the available agents can hold by load."),
    gauge<&F::places_taken>("deskd_places_taken", "How much of it is taken."),
    gauge<&F::held>("deskd_chats_held", "Chats that an agent holds."),
    gauge<&F::backlog_bytes>("deskd_desk_backlog_bytes", "Records that wait for the database."),
    gauge<&F::surge>("deskd_surge", "1 while surge mode is on."),
};

constexpr std::array queued{
    gauge<&Q::waiting, Q>("deskd_queue_waiting", "Chats that wait for an agent."),
    gauge<&Q::absent, Q>("deskd_queue_absent", "Chats that wait while their buyer is away."),
    gauge<&Q::left_messages, Q>("deskd_queue_left_messages", "Left messages that nobody has answered."),
    MetricRow<Q>{"deskd_queue_oldest_wait_seconds", MetricType::gauge, "How long the oldest has waited.",
                 [](const Q& queue) { return static_cast<double>(queue.oldest_wait_ms) / 1e3; }},
};

}  // namespace

std::span<const MetricRow<Counters>> counter_rows() { return counted; }
std::span<const MetricRow<tell::Figures>> figure_rows() { return figured; }
std::span<const MetricRow<tell::QueueFigures>> queue_rows() { return queued; }

void add_desk(Scrape& scrape, std::string_view desk, const Counters& counters, const Waited& waited,
              const tell::Figures& figures) {
  const std::array labels{Label{desk_label, desk}};
  scrape.add(counter_rows(), counters, labels);
  scrape.add(figure_rows(), figures, labels);
  constexpr std::string_view replies{"From a buyer's line to the answer, in open hours."};
  scrape.add("deskd_reply_seconds", replies, waited.first_response, labels,
             {"clock", word_of(ClockKind::first_response)});
  scrape.add("deskd_reply_seconds", replies, waited.next_response, labels,
             {"clock", word_of(ClockKind::next_response)});
  scrape.add("deskd_reply_seconds", replies, waited.left_message, labels, {"clock", word_of(ClockKind::left_message)});
  constexpr std::string_view lines{"In line, from joining it to what ended that."};
  scrape.add("deskd_queue_wait_seconds", lines, waited.line_to_agent, labels, {"end", word_of(Place::held)});
  scrape.add("deskd_queue_wait_seconds", lines, waited.line_to_left_message, labels,
             {"end", word_of(Place::left_message)});
  scrape.add("deskd_queue_wait_seconds", lines, waited.line_to_close, labels, {"end", word_of(Place::closed)});
  // The waits of queues of different desks have no sum that means anything.
  if (!scrape.lists(desk)) return;
  for (const tell::QueueFigures& queue : figures.queues) {
    const std::array both{Label{desk_label, desk}, Label{"queue", queue.queue}};
    scrape.add(queue_rows(), queue, both);
  }
}

}  // namespace deskd
