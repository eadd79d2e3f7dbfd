// printing.hpp - Every event and effect of a desk as one line of text, so that a failure reads as a story.
//
//      line chat=Li seq=2 at=0:05 origin=human kind=words from=01 text="What size?"
//      fact kind=assigned chat=Li at=0:05 queue=chat agent=01 number=5000
//
// A member that says nothing (zero, false, empty) is left out; one that is true is only named. Numbers that stand for
// somebody are printed as the name that the test gave them.
#pragma once

#include <map>
#include <ostream>
#include <string>

#include "server/desk/effect.hpp"
#include "server/desk/event.hpp"

namespace deskd {

// What the numbers of one test are called. Instants are printed as minutes and seconds since `start`.
struct Naming {
  Instant start;
  std::map<ChatId, std::string> chats;
  std::map<SessionId, std::string> sessions;
};

std::string text_of(const Ask& ask, const Naming& naming);
std::string text_of(const Tell& tell, const Naming& naming);
std::string text_of(const record::Body& body, const Naming& naming);
std::string text_of(const Event& event, const Naming& naming);
std::string text_of(const Effect& effect, const Effects& effects, const Naming& naming);

std::ostream& operator<<(std::ostream& out, const Event& event);
std::ostream& operator<<(std::ostream& out, const Effect& effect);

}  // namespace deskd
