#include "storage/reader.hpp"

#include <gtest/gtest.h>

#include <future>

#include "tests/unit/storage/script.hpp"

namespace deskd {
namespace {

using namespace test;

constexpr const char* no_answer{"no answer came"};

class ReaderTest : public testing::Test {
 protected:
  Cluster& cluster_{Cluster::shared()};
  const std::string database_{cluster_.make_database()};
  const std::string connection_{cluster_.connection(database_)};
  Script script_{take_desk(connection_, "desk")};
  Reader reader_{{.connection = connection_}};

  void write(std::span<const Record> step) {
    Ears ears;
    Writer writer{{.connection = connection_}, ears.tell()};
    writer.append(step);
    ASSERT_TRUE(writer.drain(at_last));
  }
  static Answer get(Reader& reader, Query query) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto future = promise->get_future();
    reader.ask(std::move(query), [promise](Answer answer) { promise->set_value(std::move(answer)); });
    if (future.wait_for(at_last) != std::future_status::ready) return answer::Failed{no_answer};
    return future.get();
  }
  template <class Kind>
  Kind ask(Query query) {
    Answer answer = get(reader_, std::move(query));
    if (const auto* failed = std::get_if<answer::Failed>(&answer)) ADD_FAILURE() << failed->reason;
    return std::get<Kind>(answer);
  }
  Record recall(ChatId chat, std::uint32_t seq, std::uint32_t of) {
    Record line = script_.line(chat, seq, "");
    std::get<record::Line>(line.body).kind = LineKind::recalled;
    std::get<record::Line>(line.body).reply_to = {of};
    return line;
  }
};

TEST_F(ReaderTest, LinesOfAChatInPages) {
  std::vector<Record> step;
  for (std::uint32_t i = 1; i <= 1200; ++i) step.push_back(script_.line(chat_no(1), i, "line " + std::to_string(i)));
  step.push_back(script_.line(chat_no(1), 1, "whisper", Stream::inside));
  write(step);
  std::vector<std::uint32_t> seqs;
  query::Lines query{script_.desk, chat_no(1), Stream::main, {10}, {1199}};
  int pages{};
  for (;;) {
    const auto page = ask<answer::Lines>(query);
    ++pages;
    for (const stored::Line& line : page.lines) {
      seqs.push_back(line.seq.value);
      EXPECT_EQ(line.text, "line " + std::to_string(line.seq.value));
    }
    if (!page.more) break;
    query.after = page.lines.back().seq;
  }
  EXPECT_GT(pages, 1);
  ASSERT_EQ(seqs.size(), 1189u);
  for (std::uint32_t i = 0; i < seqs.size(); ++i) ASSERT_EQ(seqs[i], i + 11);
  const auto inside = ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), Stream::inside, {0}, {9}});
  ASSERT_EQ(inside.lines.size(), 1u);
  EXPECT_EQ(inside.lines[0].text, "whisper");
}

// Long lines make a page end sooner, but never make it empty.
TEST_F(ReaderTest, APageIsBoundedInBytes) {
  const std::string long_text(page_bytes_max - 1000, 'x');
  const std::string longer(page_bytes_max + 1000, 'y');
  write(std::vector{script_.line(chat_no(1), 1, long_text), script_.line(chat_no(1), 2, long_text),
                    script_.line(chat_no(1), 3, longer)});
  for (std::uint32_t seq = 1; seq <= 3; ++seq) {
    const auto page = ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), Stream::main, {seq - 1}, {100}});
    ASSERT_EQ(page.lines.size(), 1u);
    EXPECT_EQ(page.lines[0].seq, Seq{seq});
    EXPECT_EQ(page.more, seq < 3);
  }
}

// Goal: words that were recalled leave the database for nobody. Method: both ways of reading.
TEST_F(ReaderTest, RecalledWordsAreHidden) {
  Record other_stream = script_.line(chat_no(1), 2, "inside words", Stream::inside);
  write(std::vector{script_.chat(chat_no(1), Place::closed), script_.line(chat_no(1), 1, "kept"),
                    script_.line(chat_no(1), 2, "secret"), other_stream, recall(chat_no(1), 3, 2)});
  const auto lines = ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), Stream::main, {0}, {9}}).lines;
  const auto history = ask<answer::History>(query::History{script_.desk, "main", "buyer-1", {}}).chats.at(0).lines;
  EXPECT_EQ(lines, history);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].text, "kept");
  EXPECT_FALSE(lines[0].hidden);
  EXPECT_EQ(lines[1].text, "");
  EXPECT_TRUE(lines[1].hidden);
  const auto inside = ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), Stream::inside, {0}, {9}}).lines;
  EXPECT_EQ(inside.at(0).text, "inside words");
}

TEST_F(ReaderTest, DeedsComeWithTheirLines) {
  const record::Rating rating{4, "不错"};
  Record line = script_.line(chat_no(1), 1, "");
  std::get<record::Line>(line.body).kind = LineKind::rating;
  write(std::vector{line, script_.record(record::Deed{chat_no(1), {1}, script_.now(), rating}),
                    script_.line(chat_no(1), 1, "whisper", Stream::inside)});
  const auto page = ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), Stream::main, {0}, {9}});
  ASSERT_EQ(page.deeds.size(), 1u);
  EXPECT_EQ(page.deeds[0], (stored::Deed{{1}, rating}));
  EXPECT_TRUE(ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), Stream::inside, {0}, {9}}).deeds.empty());
}

// Lines of either stream have a seq of their own, and deeds once did not: the second of one number found it taken.
TEST_F(ReaderTest, EachStreamHasDeedsOfItsOwn) {
  std::vector<Record> step{script_.chat(chat_no(1), Place::closed)};
  for (const Stream stream : {Stream::main, Stream::inside}) {
    Record line = script_.line(chat_no(1), 1, "", stream);
    std::get<record::Line>(line.body).kind = LineKind::rating;
    step.push_back(line);
    const record::Rating rating{static_cast<std::int32_t>(stream) + 1, ""};
    step.push_back(script_.record(record::Deed{chat_no(1), {1}, script_.now(), rating, stream}));
  }
  write(step);
  const std::vector<stored::Deed> deeds{{{1}, record::Rating{1, ""}}, {{1}, record::Rating{2, ""}, Stream::inside}};
  for (const Stream stream : {Stream::main, Stream::inside})
    EXPECT_EQ(ask<answer::Lines>(query::Lines{script_.desk, chat_no(1), stream, {0}, {9}}).deeds,
              std::vector{deeds[static_cast<std::size_t>(stream)]});
  EXPECT_EQ(ask<answer::History>(query::History{script_.desk, "", "buyer-1", {}}).chats.at(0).deeds,
            std::vector{deeds[0]});
  EXPECT_EQ(ask<answer::Chat>(query::Chat{script_.desk, chat_no(1), "", ""}).chat->deeds, deeds);
  EXPECT_EQ(read_open(connection_, script_.desk, {}).chats.at(0).deeds, deeds);
}

TEST_F(ReaderTest, HistoryShowsDeeds) {
  const record::Rating rating{4, "不错"};
  Record line = script_.line(chat_no(1), 1, "");
  std::get<record::Line>(line.body).kind = LineKind::rating;
  write(std::vector{script_.chat(chat_no(1), Place::closed), line,
                    script_.record(record::Deed{chat_no(1), {1}, script_.now(), rating}),
                    script_.line(chat_no(1), 1, "whisper", Stream::inside)});
  const auto page = ask<answer::History>(query::History{script_.desk, "", "buyer-1", {}});
  ASSERT_EQ(page.chats.size(), 1u);
  EXPECT_EQ(page.chats[0].deeds, (std::vector<stored::Deed>{{{1}, rating}}));
}

// What recovery would have read, whoever asks for it, but a buyer only of one's own; what goes on is not read back.
TEST_F(ReaderTest, AnEndedChatComesBackWhole) {
  const record::Rating rating{4, "不错"};
  Record rated = script_.line(chat_no(1), 2, "");
  std::get<record::Line>(rated.body).kind = LineKind::rating;
  write(std::vector{script_.chat(chat_no(1), Place::closed), script_.line(chat_no(1), 1, "words"), rated,
                    script_.record(record::Deed{chat_no(1), {2}, script_.now(), rating}),
                    script_.line(chat_no(1), 1, "whisper", Stream::inside),
                    script_.missed(chat_no(1), ClockKind::first_response, 1)});
  write(std::vector{script_.chat(chat_no(2), Place::held), script_.line(chat_no(2), 1, "open")});
  const auto found = ask<answer::Chat>(query::Chat{script_.desk, chat_no(1), "", ""}).chat;
  ASSERT_TRUE(found);
  const Open all = read_open(connection_, script_.desk, {});
  EXPECT_EQ(*found, all.chats.at(0));
  EXPECT_EQ(found->lines.size(), 3u);
  EXPECT_EQ(found->fired.size(), 1u);
  EXPECT_EQ(found->deeds, (std::vector<stored::Deed>{{{2}, rating}}));
  EXPECT_EQ(ask<answer::Chat>(query::Chat{script_.desk, chat_no(1), "main", "buyer-1"}).chat, found);
  EXPECT_FALSE(ask<answer::Chat>(query::Chat{script_.desk, chat_no(1), "main", "buyer-2"}).chat);
  EXPECT_FALSE(ask<answer::Chat>(query::Chat{script_.desk, chat_no(1), "other", "buyer-1"}).chat);
  EXPECT_FALSE(ask<answer::Chat>(query::Chat{script_.desk, chat_no(2), "", ""}).chat);
  EXPECT_FALSE(ask<answer::Chat>(query::Chat{DeskId{script_.desk.value + 1}, chat_no(1), "", ""}).chat);
}

// It was given to the desk with the gap in it, and whoever named the chat ended the server by that.
TEST_F(ReaderTest, AnEndedChatWithAGapIsNotGiven) {
  write(std::vector{script_.chat(chat_no(1), Place::closed), script_.line(chat_no(1), 1, "words"),
                    script_.line(chat_no(1), 3, "and more")});
  const auto found = ask<answer::Chat>(query::Chat{script_.desk, chat_no(1), "", ""});
  EXPECT_FALSE(found.chat);
  EXPECT_EQ(found.torn, chat_no(1));
}

// Keyset pages of a buyer's chats: every chat once, newest first, nobody else's, both streams kept apart.
TEST_F(ReaderTest, HistoryInPages) {
  std::vector<Record> step;
  for (int n = 1; n <= 25; ++n) {
    step.push_back(script_.chat(chat_no(n), n == 25 ? Place::held : Place::closed));
    step.push_back(script_.line(chat_no(n), 1, "line 1"));
    step.push_back(script_.line(chat_no(n), 1, "whisper", Stream::inside));
  }
  step.push_back(script_.chat(chat_no(90), Place::closed, "buyer-2"));
  write(step);
  query::History query{script_.desk, "", "buyer-1", {}};
  std::vector<ChatId> chats;
  for (;;) {
    const auto page = ask<answer::History>(query);
    EXPECT_LE(page.chats.size(), page_chats_max);
    for (const auto& chat : page.chats) {
      chats.push_back(chat.chat);
      EXPECT_EQ(chat.shop, "main");
      EXPECT_EQ(chat.closed.has_value(), chat.chat != chat_no(25));
      ASSERT_EQ(chat.lines.size(), 1u);
      EXPECT_EQ(chat.lines[0].text, "line 1");
    }
    if (!page.more) break;
    query.before = page.chats.back().chat;
    query.before_seq = page.chats.back().lines.front().seq;
  }
  ASSERT_EQ(chats.size(), 25u);
  for (int n = 0; n < 25; ++n) EXPECT_EQ(chats[static_cast<std::size_t>(n)], chat_no(25 - n));
  EXPECT_TRUE(ask<answer::History>(query::History{script_.desk, "other", "buyer-1", {}}).chats.empty());
  EXPECT_TRUE(ask<answer::History>(query::History{{script_.desk.value + 1}, "", "buyer-1", {}}).chats.empty());
}

// A chat that does not fit beside others begins the next page; one that fits nowhere comes in several, newest lines first.
TEST_F(ReaderTest, AHistoryPageIsBoundedInBytes) {
  const std::string half(page_bytes_max / 2 - 1000, 'x');
  std::vector<Record> step;
  for (int n = 1; n <= 3; ++n) {
    step.push_back(script_.chat(chat_no(n), Place::closed));
    for (std::uint32_t seq = 1; seq <= (n == 1 ? 5u : 1u); ++seq) step.push_back(script_.line(chat_no(n), seq, half));
  }
  write(step);
  const auto first = ask<answer::History>(query::History{script_.desk, "", "buyer-1", {}});
  ASSERT_EQ(first.chats.size(), 2u);
  EXPECT_TRUE(first.more);
  std::vector<Seq> seqs;
  query::History query{script_.desk, "", "buyer-1", first.chats[1].chat, first.chats[1].lines[0].seq};
  std::size_t pages{};
  for (bool more = true; more; ++pages) {
    ASSERT_LT(pages, 3u) << "it begins anew";
    const auto page = ask<answer::History>(query);
    ASSERT_EQ(page.chats.size(), 1u);
    for (auto line = page.chats[0].lines.rbegin(); line != page.chats[0].lines.rend(); ++line)
      seqs.push_back(line->seq);
    query.before = page.chats[0].chat;
    query.before_seq = page.chats[0].lines[0].seq;
    more = page.more;
  }
  EXPECT_EQ(pages, 3u);
  EXPECT_EQ(seqs, (std::vector<Seq>{{5}, {4}, {3}, {2}, {1}}));
  EXPECT_TRUE(ask<answer::History>(query).chats.empty());
}

// "A large before_seq" is the whole chat, and the largest numbers that a client may name are numbers like any other:
// PostgreSQL once took the seq for an int and refused it, each time, and what follows the last chat id was computed.
TEST_F(ReaderTest, HistoryGoesBackFromTheLargestNumbers) {
  const ChatId last{INT64_MAX};
  write(std::vector{script_.chat(chat_no(1), Place::closed), script_.line(chat_no(1), 1, "words"),
                    script_.chat(last, Place::closed), script_.line(last, 1, "the last")});
  const auto pages = [&](ChatId before, Seq before_seq) {
    std::vector<std::pair<ChatId, std::size_t>> told;
    const auto page = ask<answer::History>(query::History{script_.desk, "", "buyer-1", before, before_seq});
    for (const auto& chat : page.chats) told.emplace_back(chat.chat, chat.lines.size());
    return told;
  };
  using Told = std::vector<std::pair<ChatId, std::size_t>>;
  EXPECT_EQ(pages(chat_no(1), {UINT32_MAX}), (Told{{chat_no(1), 1}}));
  EXPECT_EQ(pages(last, {UINT32_MAX}), (Told{{last, 1}, {chat_no(1), 1}}));
  EXPECT_EQ(pages(last, {1}), (Told{{chat_no(1), 1}}));
  EXPECT_EQ(pages(last, {}), (Told{{chat_no(1), 1}}));
  const auto lines = ask<answer::Lines>(query::Lines{script_.desk, last, Stream::main, {0}, {UINT32_MAX}}).lines;
  EXPECT_EQ(lines.size(), 1u);
  EXPECT_TRUE(
      ask<answer::Lines>(query::Lines{script_.desk, last, Stream::main, {UINT32_MAX}, {UINT32_MAX}}).lines.empty());
}

// A chat is on a page whole, or on the next one: also when some of its lines would still have had room.
TEST_F(ReaderTest, AHistoryPageCutsNoChat) {
  const std::string third(page_bytes_max / 3 - 1000, 'x');
  std::vector<Record> step;
  for (int n = 1; n <= 2; ++n) {
    step.push_back(script_.chat(chat_no(n), Place::closed));
    for (std::uint32_t seq = 1; seq <= (n == 1 ? 3u : 1u); ++seq) step.push_back(script_.line(chat_no(n), seq, third));
  }
  write(step);
  const auto first = ask<answer::History>(query::History{script_.desk, "", "buyer-1", {}});
  ASSERT_EQ(first.chats.size(), 1u);
  EXPECT_TRUE(first.more);
  const auto second = ask<answer::History>(query::History{script_.desk, "", "buyer-1", first.chats[0].chat});
  ASSERT_EQ(second.chats.size(), 1u);
  EXPECT_EQ(second.chats[0].lines.size(), 3u);
}

// A connection that died while nobody asked is made again without the reader noticing.
TEST_F(ReaderTest, ConnectsAgain) {
  const query::Lines query{script_.desk, chat_no(1), Stream::main, {0}, {9}};
  ask<answer::Lines>(query);
  test::ask(cluster_.connection(database_, "super"),
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'deskd-reader' and "
            "datname = '" +
                database_ + "'");
  EXPECT_TRUE(ask<answer::Lines>(query).lines.empty());
}

TEST_F(ReaderTest, FailsWhenTheDatabaseIsAway) {
  Reader reader{{.connection = "host=/nowhere dbname=none"}};
  EXPECT_TRUE(std::holds_alternative<answer::Failed>(get(reader, query::Lines{})));
}

// Goal: of a database that hangs everybody hears that it cannot be read now. Method: SIGSTOP to all of it, between two
// questions; PostgreSQL's own timeout stops with it, and the reader waited for ever.
TEST_F(ReaderTest, FailsWhenTheDatabaseHangs) {
  Cluster own;
  const std::string there = own.connection(own.make_database());
  Reader reader{{.connection = there, .statement_timeout = std::chrono::milliseconds{500}}};
  EXPECT_TRUE(std::holds_alternative<answer::Lines>(get(reader, query::Lines{})));
  own.pause();
  for (int asked = 0; asked < 2; ++asked) {
    const Answer answer = get(reader, query::Lines{});
    ASSERT_TRUE(std::holds_alternative<answer::Failed>(answer));
    EXPECT_NE(std::get<answer::Failed>(answer).reason, no_answer);
  }
  own.resume();
  EXPECT_TRUE(std::holds_alternative<answer::Lines>(get(reader, query::Lines{})));
}

// Goal: the queue refuses rather than grows, and everybody is answered. Method: the first answer holds the reader's
// thread until the queue is over-full.
TEST_F(ReaderTest, AFullQueueRefuses) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> failed{};
  std::atomic<int> answered{};
  {
    Reader reader{{.connection = connection_, .queue_max = 4}};
    reader.ask(query::Lines{}, [&](Answer) {
      begun.set_value();
      go_on.get_future().wait();
    });
    begun.get_future().wait();
    for (int i = 0; i < 10; ++i)
      reader.ask(query::Lines{}, [&](const Answer& answer) {
        ++answered;
        if (std::holds_alternative<answer::Failed>(answer)) ++failed;
      });
    EXPECT_EQ(failed, 6);
    go_on.set_value();
  }
  EXPECT_EQ(answered, 10);
}

// Goal: however many read history, a session gets its lines. Method: as above; questions of both kinds, history first.
TEST_F(ReaderTest, LinesComeBeforeHistoryAndFindRoom) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::promise<void> all;
  std::string order;
  {
    Reader reader{{.connection = connection_, .queue_max = 4}};
    reader.ask(query::Lines{}, [&](Answer) {
      begun.set_value();
      go_on.get_future().wait();
    });
    begun.get_future().wait();
    const auto note = [&](char kind) {
      return [&, kind](const Answer& answer) {
        order += std::holds_alternative<answer::Failed>(answer) ? '-' : kind;
        if (order.size() == 5) all.set_value();
      };
    };
    for (int i = 0; i < 3; ++i) reader.ask(query::History{}, note('h'));
    EXPECT_EQ(order, "-") << "history fills half of it";
    for (int i = 0; i < 2; ++i) reader.ask(query::Lines{}, note('l'));
    EXPECT_EQ(order, "-");
    go_on.set_value();
    all.get_future().wait();
  }
  EXPECT_EQ(order, "-llhh");
}

}  // namespace
}  // namespace deskd
