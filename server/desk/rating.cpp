#include "server/desk/rating.hpp"

#include "server/desk/rights.hpp"
#include "server/desk/talk.hpp"

namespace deskd::rating {

std::uint64_t content(const record::Rating& rating) {
  return content_of(LineKind::rating, {}, std::to_string(rating.score) + rating.text);
}

void handle(Floor& floor, Session& session, const ask::Rate& rate) {
  if (!rights::is_buyer(floor, session, rate.id)) return;
  Chat* chat = rights::chat_or_stored(floor, session, rate.chat, rate.id);
  if (chat == nullptr) return;
  if (talk::repeated(floor, session, *chat, Stream::main, rate.id, content(rate.rating))) return;
  if (chat->closed && floor.now - *chat->closed > floor.book->policy().reopen_within)
    return floor.refuse(session, rate.id, Code::chat_closed);
  if (chat->rating) return floor.refuse(session, rate.id, Code::already_rated);
  if (rate.rating.score < 1 || rate.rating.score > 5)
    return floor.refuse(session, rate.id, Code::bad_message, "score: 1 to 5");
  if (rate.rating.text.size() > limits::words_bytes_max) return floor.refuse(session, rate.id, Code::too_large, "text");
  // Whom it is only offered to has not served it.
  if (chat->last_agent == nobody) return floor.refuse(session, rate.id, Code::wrong_place, "nobody served it");
  if (!rights::may_add_line(floor, session, *chat, Stream::main, rate.id)) return;
  chat->rating =
      talk::append(floor, *chat, Stream::main, {.id = rate.id, .origin = Origin::buyer, .kind = LineKind::rating}, {},
                   session.id, rate.rating, content(rate.rating));
  record::Fact fact = floor.fact(*chat, FactKind::rated);
  fact.agent = floor.roster.agent(chat->last_agent).name;
  fact.number = rate.rating.score;
  floor.persist(fact);
}

}  // namespace deskd::rating
