// client.hpp - A client as SPEC.md asks for one, without a socket: keeps what it heard, numbers its commands, sends again
// what was not stored, and resumes. It complains about everything that a client has a right to complain about.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.hpp"

namespace deskd::simulation {

// A message that owns its words.
struct Heard {
  Tell message;
  std::vector<std::string> text;
  std::vector<tell::StoredLine> stored;
};
Heard own(const Tell& message);

class Client {
 public:
  struct Line {
    CommandId id;
    std::string text;
    LineKind kind{};
    Origin origin{};
    std::int32_t version{};  // of an order
  };
  struct Copy {
    std::map<Seq, Line> main, inside;
    Seq stored, inside_stored;
    Epoch epoch;
    tell::ChatState state;  // its views are dead; numbers and enums only
    bool known{};           // a state was heard in this session
    Seq last() const { return main.empty() ? Seq{} : main.rbegin()->first; }
    Seq inside_last() const { return inside.empty() ? Seq{} : inside.rbegin()->first; }
  };
  // What was said and is not yet stored. Commands that make no line leave when they are answered.
  struct Unsafe {
    CommandId id;
    ChatId chat;
    Stream stream{};
    std::string text;
    LineKind kind{};
    record::OrderAnswer answer;
    record::Order order;
    Seq reply_to;
    std::int32_t score{};
  };
  // Something the server said was safe.
  struct Safe {
    ChatId chat;
    Stream stream{};
    Seq seq;
    CommandId id;
    std::string text;
    LineKind kind{};
  };

  explicit Client(bool staff) : staff_(staff) {}

  // What to say at the beginning of a session: resume, then what is not safe, under its old ids.
  ask::Resume resume();
  std::vector<Ask> again() const;
  Ask again(const Unsafe& said) const { return ask_of(said); }
  Ask say(Unsafe said);

  // Takes in a message. Returns what is wrong with it, or nothing.
  std::string hear(const Heard& heard, Epoch epoch);
  void forget_command(CommandId id);

  std::map<ChatId, Copy> chats;
  std::vector<Unsafe> outbox;
  std::vector<Unsafe>
      done;  // closes that were answered with `done`; whether it was theirs that ended the chat comes later
  std::vector<Safe> safe;
  std::uint64_t repeats{}, accepted{}, unsure{}, refused{};

 private:
  Ask ask_of(const Unsafe& said) const;
  std::string hear_line(const tell::Line& line, Epoch epoch);

  bool staff_;
};

}  // namespace deskd::simulation
