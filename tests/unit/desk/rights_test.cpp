// Who may do what to which chat: every command, said by everybody, about one chat. Goal: nobody learns of, speaks in or
// moves a chat that is not theirs to touch. Method: each cell of the table is played in a desk of its own; what the
// speaker hears must be what the table says, and where it is a refusal the chat must be as it was.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <sstream>
#include <utility>

#include "tests/support/desk_builder.hpp"

namespace deskd {
namespace {

// owner: the buyer whose chat it is. holder: the agent who has it. agent: another one. former: one who had it before.
// boss: a supervisor. eye: one who watches the chat. wall: ops.
constexpr std::array<std::string_view, 9> people{"owner",  "stranger", "guest", "holder", "agent",
                                                 "former", "boss",     "eye",   "wall"};

// ok: done, with whatever that means. -: nothing is answered, and nothing happens.
constexpr std::string_view table = R"(
command           owner              stranger           guest              holder             agent              former             boss               eye                wall
sign_in           already_signed_in  already_signed_in  already_signed_in  already_signed_in  already_signed_in  already_signed_in  already_signed_in  already_signed_in  already_signed_in
refresh           -                  -                  -                  -                  -                  -                  -                  -                  -
pong              -                  -                  -                  -                  -                  -                  -                  -                  -
resume            ok                 ok                 ok                 ok                 ok                 ok                 ok                 ok                 ok
open              ok                 ok                 ok                 not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed
say               ok                 unknown_chat       unknown_chat       ok                 not_allowed        not_allowed        not_allowed        not_allowed        not_allowed
say_inside        not_allowed        unknown_chat       unknown_chat       ok                 not_allowed        not_allowed        not_allowed        ok                 not_allowed
recall            ok                 unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
recall_inside     not_allowed        unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
typing            ok                 -                  -                  ok                 -                  -                  -                  -                  -
mark              ok                 -                  -                  ok                 -                  -                  -                  -                  -
choose            wrong_place        unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed
answer_order      ok                 unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed
rate              ok                 unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed
close             ok                 unknown_chat       unknown_chat       ok                 unknown_chat       unknown_chat       ok                 ok                 not_allowed
set_status        not_allowed        not_allowed        not_allowed        ok                 ok                 ok                 ok                 ok                 not_allowed
accept            not_allowed        not_allowed        not_allowed        ok                 not_offered        not_offered        not_offered        not_offered        not_allowed
decline           not_allowed        not_allowed        not_allowed        not_offered        not_offered        not_offered        not_offered        not_offered        not_allowed
pull              not_allowed        not_allowed        not_allowed        nothing_waiting    nothing_waiting    nothing_waiting    nothing_waiting    nothing_waiting    not_allowed
no_answer_needed  not_allowed        not_allowed        not_allowed        ok                 unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed
propose_order     not_allowed        not_allowed        not_allowed        ok                 not_allowed        not_allowed        not_allowed        not_allowed        not_allowed
transfer          not_allowed        not_allowed        not_allowed        ok                 unknown_chat       unknown_chat       not_allowed        not_allowed        not_allowed
wrap_up_done      not_allowed        not_allowed        not_allowed        ok                 ok                 ok                 ok                 ok                 not_allowed
read_history      ok                 ok                 ok                 ok                 unknown_chat       unknown_chat       ok                 ok                 unknown_chat
watch             not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
take_over         not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
reassign          not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
set_agent         not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
set_surge         not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        ok                 ok                 not_allowed
explain           not_allowed        not_allowed        not_allowed        ok                 unknown_chat       unknown_chat       ok                 ok                 not_allowed
figures           not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        not_allowed        ok                 ok                 ok
)";

struct Stage {
  Stage() : scene{policy()} {
    former = scene.arrive("former", Role::agent, "former");
    available(former);
    owner = scene.arrive("owner", Role::buyer, "owner");
    scene.ask(owner, ask::Resume{});
    scene.ask(owner, ask::Open{.id = scene.next_id()});
    chat = scene.floor().chats.begin()->first;
    scene.ask(owner, ask::Say{.id = scene.next_id(), .chat = chat, .text = "secret"});
    scene.ask(former, ask::Say{.id = scene.next_id(), .chat = chat, .text = "yes"});
    holder = scene.arrive("holder", Role::agent, "holder");
    available(holder);
    scene.ask(former, ask::Transfer{.id = scene.next_id(), .chat = chat, .agent = "holder"});
    scene.ask(holder, ask::Say{.id = scene.next_id(), .chat = chat, .text = "mine"});
    scene.ask(holder, ask::ProposeOrder{.id = scene.next_id(), .chat = chat, .order = order()});
    for (const auto& [name, role] : {std::pair{"agent", Role::agent},
                                     {"boss", Role::supervisor},
                                     {"eye", Role::supervisor},
                                     {"wall", Role::ops}}) {
      sessions[name] = scene.arrive(name, role, name);
      scene.ask(sessions[name], ask::Resume{});
    }
    available(sessions["agent"]);
    scene.ask(sessions["eye"], ask::Watch{.id = scene.next_id(), .chat = chat, .on = true});
    scene.ask(sessions["eye"], ask::Say{.id = scene.next_id(), .chat = chat, .text = "secret", .inside = true});
    sessions["stranger"] = scene.arrive("stranger", Role::buyer, "stranger");
    sessions["guest"] = scene.arrive("guest", Role::guest, "guest");
    for (const char* name : {"stranger", "guest"}) scene.ask(sessions[name], ask::Resume{});
    sessions["owner"] = owner;
    sessions["holder"] = holder;
    sessions["former"] = former;
    scene.advance(scene.now() + std::chrono::seconds{1});
    scene.forget();
  }

  static policy::Desk policy() {
    policy::Desk desk = a_desk();
    for (const char* name : {"former", "holder", "agent"}) desk.agents.push_back(an_agent(name));
    for (const char* name : {"boss", "eye"}) desk.agents.push_back(an_agent(name, 2, Role::supervisor));
    desk.agents.push_back(an_agent("wall", 1, Role::ops));
    return desk;
  }
  static record::Order order() {
    return {.order_no = "A1",
            .items = {{"shirt", "", "", 1}},
            .address = "a",
            .recipient = "b",
            .phone = "1",
            .return_terms = "7 days"};
  }
  void available(SessionId session) {
    scene.ask(session, ask::Resume{});
    scene.ask(session, ask::SetStatus{.id = scene.next_id(), .status = Status::available});
  }
  // Everything about the chat that a command could change.
  std::string what_it_is() const {
    const Chat& is = *scene.floor().chats.at(chat);
    std::ostringstream out;
    out << word_of(is.place) << " by " << is.agent.value << " lines " << is.main.last().value << "+"
        << is.inside.last().value << " watched by " << is.watchers.size() << " read " << is.of_buyer.read.value << "/"
        << is.of_agent.read.value << " excused " << is.excused.value;
    return out.str();
  }

  Scene scene;
  SessionId owner, holder, former;
  ChatId chat;
  std::map<std::string, SessionId> sessions;
};

using Command = std::function<Ask(Stage&)>;

const std::vector<std::pair<std::string, Command>>& commands() {
  static const std::vector<std::pair<std::string, Command>> all{
      {"sign_in", [](Stage&) -> Ask { return ask::SignIn{"token"}; }},
      {"refresh", [](Stage&) -> Ask { return ask::Refresh{"token"}; }},
      {"pong", [](Stage&) -> Ask { return ask::Pong{1}; }},
      {"resume",
       [](Stage& s) -> Ask { return ask::Resume{{ask::Held{.chat = s.chat, .epoch = Epoch{1}, .seq = Seq{7}}}}; }},
      {"open", [](Stage& s) -> Ask { return ask::Open{.id = s.scene.next_id()}; }},
      {"say", [](Stage& s) -> Ask { return ask::Say{.id = s.scene.next_id(), .chat = s.chat, .text = "x"}; }},
      {"say_inside",
       [](Stage& s) -> Ask { return ask::Say{.id = s.scene.next_id(), .chat = s.chat, .text = "x", .inside = true}; }},
      {"recall", [](Stage& s) -> Ask { return ask::Recall{.id = s.scene.next_id(), .chat = s.chat, .seq = Seq{1}}; }},
      {"recall_inside",
       [](Stage& s) -> Ask {
         return ask::Recall{.id = s.scene.next_id(), .chat = s.chat, .seq = Seq{1}, .inside = true};
       }},
      {"typing",
       [](Stage& s) -> Ask {
         return ask::Typing{s.chat, true};
       }},
      {"mark",
       [](Stage& s) -> Ask {
         return ask::Mark{s.chat, Seq{1}, Seq{1}};
       }},
      {"choose",
       [](Stage& s) -> Ask { return ask::Choose{.id = s.scene.next_id(), .chat = s.chat, .choice = Choice::wait}; }},
      {"answer_order",
       [](Stage& s) -> Ask {
         return ask::AnswerOrder{s.scene.next_id(), s.chat, {Seq{7}, 1, true, {}}};
       }},
      {"rate",
       [](Stage& s) -> Ask {
         return ask::Rate{s.scene.next_id(), s.chat, {5, {}}};
       }},
      {"close", [](Stage& s) -> Ask { return ask::Close{.id = s.scene.next_id(), .chat = s.chat}; }},
      {"set_status",
       [](Stage& s) -> Ask {
         return ask::SetStatus{s.scene.next_id(), Status::draining};
       }},
      {"accept",
       [](Stage& s) -> Ask {
         return ask::Accept{s.scene.next_id(), s.chat};
       }},
      {"decline",
       [](Stage& s) -> Ask {
         return ask::Decline{s.scene.next_id(), s.chat};
       }},
      {"pull",
       [](Stage& s) -> Ask {
         return ask::Pull{s.scene.next_id(), s.chat};
       }},
      {"no_answer_needed",
       [](Stage& s) -> Ask {
         return ask::NoAnswerNeeded{s.scene.next_id(), s.chat, {1}};
       }},
      {"propose_order",
       [](Stage& s) -> Ask {
         return ask::ProposeOrder{s.scene.next_id(), s.chat, Stage::order()};
       }},
      {"transfer",
       [](Stage& s) -> Ask { return ask::Transfer{.id = s.scene.next_id(), .chat = s.chat, .agent = "former"}; }},
      {"wrap_up_done",
       [](Stage& s) -> Ask {
         return ask::WrapUpDone{s.scene.next_id(), s.chat};
       }},
      {"read_history", [](Stage& s) -> Ask { return ask::ReadHistory{.id = s.scene.next_id(), .chat = s.chat}; }},
      {"watch",
       [](Stage& s) -> Ask {
         return ask::Watch{s.scene.next_id(), s.chat, true};
       }},
      {"take_over",
       [](Stage& s) -> Ask {
         return ask::TakeOver{s.scene.next_id(), s.chat};
       }},
      {"reassign",
       [](Stage& s) -> Ask { return ask::Reassign{.id = s.scene.next_id(), .chat = s.chat, .agent = "former"}; }},
      {"set_agent",
       [](Stage& s) -> Ask { return ask::SetAgent{.id = s.scene.next_id(), .agent = "agent", .capacity = 3}; }},
      {"set_surge",
       [](Stage& s) -> Ask {
         return ask::SetSurge{s.scene.next_id(), true};
       }},
      {"explain",
       [](Stage& s) -> Ask {
         return ask::Explain{s.scene.next_id(), s.chat, true};
       }},
      {"figures",
       [](Stage& s) -> Ask {
         return ask::Figures{s.scene.next_id(), true};
       }},
  };
  return all;
}

// What the speaker hears, in a word.
std::string played(const Command& command, const std::string& who, std::string& broken) {
  Stage stage;
  const std::string before = stage.what_it_is();
  const SessionId speaker = stage.sessions[who];
  stage.scene.ask(speaker, command(stage));
  std::string outcome;
  bool anything = false;
  for (const Scene::Heard& heard : stage.scene.heard()) {
    if (heard.to != speaker) {
      anything = true;
      continue;
    }
    const std::size_t code = heard.text.find("code=");
    if (heard.text.compare(0, 5, "error") == 0) {
      outcome = heard.text.substr(code + 5, heard.text.find(' ', code) - code - 5);
    } else if (outcome.empty()) {
      outcome = "ok";
    }
  }
  if (outcome.empty()) outcome = anything ? "ok" : "-";
  if (!stage.scene.wrong().empty()) broken += who + ": " + stage.scene.wrong() + "\n" + stage.scene.story();
  if (outcome != "ok" && stage.what_it_is() != before)
    broken += who + " was told " + outcome + ", and the chat changed\n";
  // Nobody without a part in it hears the words, whatever they ask.
  if (who == "stranger" || who == "guest" || who == "wall" || who == "agent")
    for (const Scene::Heard& heard : stage.scene.heard())
      if (heard.to == speaker && heard.text.find("secret") != std::string::npos) broken += who + " read the words\n";
  return outcome;
}

// Goal: a number that is no chat's is answered, whoever names it; once one by ops ended the server. Method: every command
// by every role; the database has no such chat either.
TEST(Rights, AChatThatThereNeverWasIsNobodys) {
  for (const auto& [name, command] : commands()) {
    if (name == "resume") continue;  // what it does not name comes whole, again
    for (const std::string_view who : people) {
      Stage stage;
      const ChatId real = std::exchange(stage.chat, ChatId{1});
      stage.scene.ask(stage.sessions[std::string{who}], command(stage));
      EXPECT_EQ(stage.scene.wrong(), "") << name << " by " << who;
      EXPECT_EQ(stage.scene.floor().chats.count(real), 1u) << name << " by " << who;
      if (name != "read_history" || who != "wall") continue;
      ASSERT_FALSE(stage.scene.heard().empty());
      EXPECT_NE(stage.scene.heard().back().text.find("unknown_chat"), std::string::npos);
    }
  }
}

// An offer says that a chat waits, and no word of it. Once whoever was asked could read it as history before she took it.
TEST(Rights, WhoIsOnlyAskedReadsNothing) {
  policy::Desk policy = a_desk();
  policy.queues.front().auto_accept = false;
  policy.agents = {an_agent("01", 1)};
  Scene scene{policy};
  const SessionId agent = scene.arrive("01", Role::agent, "01");
  scene.ask(agent, ask::SetStatus{scene.next_id(), Status::available});
  const SessionId buyer = scene.arrive("Li", Role::buyer, "Li");
  scene.ask(buyer, ask::Open{.id = scene.next_id()});
  const ChatId chat = scene.floor().chats.begin()->first;
  scene.ask(buyer, ask::Say{.id = scene.next_id(), .chat = chat, .text = "secret"});
  ASSERT_EQ(scene.floor().chats.begin()->second->place, Place::reserved);
  scene.forget();
  scene.ask(agent, ask::ReadHistory{.id = scene.next_id(), .chat = chat});
  ASSERT_FALSE(scene.heard().empty());
  EXPECT_NE(scene.heard().back().text.find("unknown_chat"), std::string::npos) << scene.heard().back().text;
}

// Staff read what came before a chat that was theirs. Once they could name a later moment, and read what others talked since.
TEST(Rights, WhatCameAfterAnAgentsChatIsNotHers) {
  Stage stage;
  stage.scene.forget();
  stage.scene.ask(stage.holder,
                  ask::ReadHistory{
                      .id = stage.scene.next_id(), .chat = stage.chat, .before = ChatId{stage.chat.value + 1'000'000}});
  ASSERT_FALSE(stage.scene.heard().empty());
  const std::string& read = stage.scene.heard().back().text;
  EXPECT_NE(read.find("before=" + stage.scene.naming().chats.at(stage.chat)), std::string::npos) << read;
}

TEST(Rights, EveryCommandByEveryRole) {
  // refresh, pong and the rest: a command of the wire that is not in the table is a hole in it.
  EXPECT_EQ(commands().size(), std::variant_size_v<Ask> + 2) << "two are also said inside";
  std::ostringstream is;
  std::string broken;
  is << "\ncommand          ";
  for (const std::string_view who : people) is << ' ' << who << std::string(18 - who.size(), ' ');
  is << '\n';
  for (const auto& [name, command] : commands()) {
    is << name << std::string(17 - name.size(), ' ');
    for (const std::string_view who : people) {
      const std::string outcome = played(command, std::string{who}, broken);
      is << ' ' << outcome << std::string(18 - outcome.size(), ' ');
    }
    is << '\n';
  }
  EXPECT_EQ(broken, "");
  // Compared cell by cell, so that spaces do not matter.
  std::istringstream has{is.str()}, wants{std::string{table}};
  std::string line_has, line_wants;
  while (std::getline(has, line_has)) {
    std::getline(wants, line_wants);
    std::istringstream cells_has{line_has}, cells_wants{line_wants};
    std::string cell_has, cell_wants;
    for (std::size_t column = 0; cells_has >> cell_has; ++column) {
      cells_wants >> cell_wants;
      EXPECT_EQ(cell_has, cell_wants) << line_has.substr(0, 17) << " by " << (column == 0 ? "?" : people[column - 1]);
      cell_wants.clear();
    }
  }
  if (HasFailure()) std::printf("%s", is.str().c_str());
}

}  // namespace
}  // namespace deskd
