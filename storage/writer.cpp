#include "storage/writer.hpp"

#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <thread>

#include "storage/batch.hpp"
#include "storage/columns.hpp"
#include "storage/connection.hpp"

namespace deskd {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

// The database is asked so often whether it is there and whose the desks are: health must know within 5 s, and nothing else
// tells a server that is quiet that its desks have been taken.
constexpr auto ask_every = 2s;

// The watchdog looks so often, and tells a lasting trouble so often.
constexpr auto look_every = 250ms;
constexpr auto tell_every = 1s;

// How an attempt on the database ended. `refused`: PostgreSQL will never take one of these rows. `failed`: the world;
// try again, and what was attempted may have happened.
enum class Ending { done, refused, failed };
struct Ended {
  Ending ending;
  std::string reason;
};

// Class 22 (data exception), 23 (integrity constraint) and 54 (program limit) are about a row. Everything else - no
// connection, disk full, a lock, shutting down, no such table - is about the world.
bool is_about_a_row(const std::string& sqlstate) {
  return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54");
}

// The first line of PostgreSQL's words; the detail after it may hold what the row held.
std::string first_line(std::string_view words) { return std::string{words.substr(0, words.find('\n'))}; }

// What is stored in place of a record that PostgreSQL refused: the line's number, or that something was here.
Record replacement(const Record& record) {
  Record instead{record.desk, record.epoch, record.position, {}};
  if (const auto* line = std::get_if<record::Line>(&record.body)) {
    record::Line gone{};
    gone.chat = line->chat;
    gone.stream = line->stream;
    gone.seq = line->seq;
    gone.at = line->at;
    gone.origin = line->origin;
    gone.kind = LineKind::refused;
    instead.body = gone;
    return instead;
  }
  record::Fact gone{};
  gone.chat = std::visit([](const auto& body) { return body.chat; }, record.body);
  gone.at = made_at(record);
  gone.kind = FactKind::refused;
  instead.body = gone;
  return instead;
}

// A deed and the line that states it stand or fall together: they are never halved apart.
bool belongs_to_the_one_before(const Record& record, const Record& before) {
  const auto* deed = std::get_if<record::Deed>(&record.body);
  const auto* line = std::get_if<record::Line>(&before.body);
  return deed && line && record.desk == before.desk && deed->chat == line->chat && deed->stream == line->stream &&
         deed->seq == line->seq;
}

}  // namespace

class Writer::Thread {
 public:
  Thread(WriterOptions options, std::function<void(const Outcome&)> tell)
      : options_{std::move(options)},
        tell_{std::move(tell)},
        gathering_{{options_.rows_max, options_.bytes_max, options_.pace}} {
    writer_ = std::thread{[this] { write(); }};
    pthread_setname_np(writer_.native_handle(), "writer");
    watchdog_ = std::thread{[this] { watch(); }};
    pthread_setname_np(watchdog_.native_handle(), "watchdog");
  }

  ~Thread() {
    {
      std::lock_guard lock{mutex_};
      stop_ = true;
      wake_.notify_all();
      stopped_.notify_all();
    }
    {
      // A commit that hangs is ended from here; the writer holds this lock whenever it opens or closes the socket.
      std::lock_guard lock{socket_mutex_};
      if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
    }
    writer_.join();
    watchdog_.join();
  }

  void append(std::span<const Record> step) {
    if (step.empty()) return;
    std::lock_guard lock{mutex_};
    if (is_gone(step.front())) return;
    gathering_.append(step);
    appended_ += step.size();
    if (idle_ || gathering_.batches() > 1) wake_.notify_one();
  }

  void forget(DeskId desk, Epoch epoch) {
    std::lock_guard lock{mutex_};
    forget_locked(desk, epoch);
  }

  bool drain(std::chrono::milliseconds most) {
    std::unique_lock lock{mutex_};
    const std::uint64_t goal = appended_;
    const auto is_in = [&] { return appended_ - gathering_.rows() - committing_rows_ >= goal; };
    settled_.wait_for(lock, most, [&] { return given_up_ || is_in(); });
    return is_in();
  }

  void give_up() {
    std::lock_guard lock{mutex_};
    given_up_ = true;
    settled_.notify_all();
  }

  WriterCounters counters() const {
    std::lock_guard lock{mutex_};
    WriterCounters now = counters_;
    now.backlog_bytes = gathering_.bytes() + committing_bytes_;
    now.backlog_rows = gathering_.rows() + committing_rows_;
    return now;
  }

 private:
  // ---- shared with those who append; under mutex_

  bool is_gone(const Record& record) const {
    if (gone_.empty()) return false;
    const auto found = gone_.find(record.desk);
    return found != gone_.end() && record.epoch <= found->second;
  }

  void forget_locked(DeskId desk, Epoch epoch) {
    Epoch& gone = gone_[desk];
    gone = std::max(gone, epoch);
    gathering_.drop(desk, epoch);
    settled_.notify_all();
  }

  // ---- the writer's thread

  void write() {
    std::unique_lock lock{mutex_};
    while (!stop_) {
      if (Clock::now() - asked_ >= ask_every) {
        lock.unlock();
        ask();
        asked_ = Clock::now();
        lock.lock();
        continue;
      }
      if (gathering_.empty()) {
        idle_ = true;
        wake_.wait_until(lock, asked_ + ask_every, [this] { return stop_ || !gathering_.empty(); });
        idle_ = false;
        continue;
      }
      if (const auto wait = gathering_.wait(Clock::now() - began_); wait.count() > 0) {
        wake_.wait_for(lock, wait, [this] { return stop_ || gathering_.batches() > 1; });
        if (stop_) break;
      }
      auto batch = gathering_.take();
      if (!batch) continue;
      committing_rows_ = batch->records().size();
      committing_bytes_ = batch->bytes();
      lock.unlock();

      began_ = Clock::now();
      // When asking has failed before, the trouble has lasted since then.
      if (trying_since_ == 0) trying_since_ = began_.time_since_epoch().count();
      const bool in = commit(*batch);
      const auto took = Clock::now() - began_;
      if (in) trying_since_ = 0;

      lock.lock();
      if (in) {
        ++counters_.commits;
        counters_.rows += committing_rows_;
        counters_.commit_ns += static_cast<std::uint64_t>(std::chrono::nanoseconds{took}.count());
        committing_rows_ = committing_bytes_ = 0;
        for (const DeskId desk : newly_lost_) forget_locked(desk, epoch_of(*batch, desk));
      }
      settled_.notify_all();
      lock.unlock();
      if (in) settle(*batch);
      lock.lock();
      gathering_.give_back(std::move(batch));
    }
    lock.unlock();
    disconnect();
  }

  static Epoch epoch_of(const Batch& batch, DeskId desk) {
    for (const Batch::Share& share : batch.shares())
      if (share.desk == desk) return share.epoch;
    return {};
  }

  // The batch is in, save the rows of lost desks: says so.
  void settle(const Batch& batch) {
    for (const Batch::Share& share : batch.shares()) {
      if (newly_lost_.contains(share.desk)) {
        served_.erase(share.desk);
        tell(outcome::Fenced{share.desk, share.epoch});
      } else {
        served_[share.desk] = share.epoch;
        tell(outcome::Durable{share.desk, share.last});
      }
    }
    newly_lost_.clear();
  }

  // False only when the writer is being ended.
  bool commit(const Batch& batch) {
    const std::span<const Record> records{batch.records()};
    columns_.fill(records);
    const Ended first = attempt([&] {
      pqxx::nontransaction transaction{*connection_};
      note_lost(records, run(transaction, Attempt::first));
    });
    if (first.ending == Ending::done) return true;
    if (first.ending == Ending::failed && !pause()) return false;
    return commit_again(records);
  }

  // The careful way: what is there already stays, what cannot be held is found by halving, and every line is looked for
  // afterwards. For batches that were refused, or of which nobody knows whether they went in.
  bool commit_again(std::span<const Record> records) {
    for (;;) {
      std::vector<std::size_t> displaced;
      const Ended ended = attempt([&] {
        displaced.clear();
        pqxx::work transaction{*connection_};
        columns_.fill(records);
        const std::set<DeskId> own = run(transaction, Attempt::again);
        displaced = missing(transaction, records, own);
        if (!displaced.empty()) {
          std::vector<Record> instead;
          for (const std::size_t i : displaced) instead.push_back(replacement(records[i]));
          columns_.fill(instead);
          run(transaction, Attempt::again);
        }
        transaction.commit();
        note_lost(records, own);
      });
      if (ended.ending == Ending::done) {
        for (const std::size_t i : displaced)
          tell_refused(records[i], "another line has its number or its command's id");
        return true;
      }
      if (ended.ending == Ending::refused) {
        const std::size_t half = halve(records);
        if (half == 0) return commit_without(records, ended.reason);
        return commit_again(records.first(half)) && commit_again(records.subspan(half));
      }
      if (!pause()) return false;
    }
  }

  // Where to cut these records in two; 0: they are one record, or a line with its deed.
  static std::size_t halve(std::span<const Record> records) {
    const auto may_cut = [&](std::size_t at) {
      return at > 0 && at < records.size() && !belongs_to_the_one_before(records[at], records[at - 1]);
    };
    const std::size_t half = records.size() / 2;
    if (may_cut(half)) return half;
    if (may_cut(half + 1)) return half + 1;
    return 0;
  }

  // Stores, in place of what PostgreSQL refuses, that it was here.
  bool commit_without(std::span<const Record> records, const std::string& reason) {
    std::vector<Record> instead;
    for (const Record& record : records) instead.push_back(replacement(record));
    bool position_only = false;
    for (;;) {
      const Ended ended = attempt([&] {
        pqxx::work transaction{*connection_};
        columns_.fill(instead, position_only);
        const std::set<DeskId> own = run(transaction, Attempt::again);
        transaction.commit();
        note_lost(records, own);
      });
      if (ended.ending == Ending::done) break;
      if (ended.ending == Ending::refused && position_only) {
        // The one statement left holds nothing but numbers of ours.
        std::fprintf(stderr, "storage: a bare position was refused: %s\n", ended.reason.c_str());
        std::abort();
      }
      if (ended.ending == Ending::refused) position_only = true;
      if (ended.ending == Ending::failed && !pause()) return false;
    }
    for (const Record& record : records) tell_refused(record, reason);
    return true;
  }

  // Runs the statement for what columns_ holds. The desks that are still ours.
  template <class Transaction>
  std::set<DeskId> run(Transaction& transaction, Attempt how) {
    const std::string name = columns_.name(how);
    if (prepared_.insert(name).second) connection_->prepare(name, columns_.statement(how));
    std::set<DeskId> own;
    for (const auto& row :
         transaction.exec_prepared(name, pqxx::prepare::make_dynamic_params(binary(columns_.arrays()))))
      own.insert(DeskId{row[0].template as<DeskId::Number>()});
    return own;
  }

  // Which lines of our desks are not in the database under their own position: their places in `records`.
  std::vector<std::size_t> missing(pqxx::work& transaction, std::span<const Record> records,
                                   const std::set<DeskId>& own) {
    const std::string name{missing_lines_name};
    if (prepared_.insert(name).second) connection_->prepare(name, missing_lines_statement());
    const std::vector<std::string> arrays = missing_lines_arrays(records);
    std::vector<std::size_t> found;
    for (const auto& row : transaction.exec_prepared(name, pqxx::prepare::make_dynamic_params(binary(arrays)))) {
      const DeskId desk{row[0].as<DeskId::Number>()};
      const Position position{row[1].as<Position::Number>()};
      if (!own.contains(desk)) continue;
      const auto at = std::find_if(records.begin(), records.end(),
                                   [&](const Record& r) { return r.desk == desk && r.position == position; });
      found.push_back(static_cast<std::size_t>(at - records.begin()));
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  static std::vector<pqxx::binarystring> binary(std::span<const std::string> arrays) {
    std::vector<pqxx::binarystring> parameters;
    parameters.reserve(arrays.size());
    for (const std::string& each : arrays) parameters.emplace_back(each.data(), each.size());
    return parameters;
  }

  void note_lost(std::span<const Record> records, const std::set<DeskId>& own) {
    DeskId last{};
    for (const Record& record : records) {
      if (record.desk == last) continue;
      last = record.desk;
      if (!own.contains(last)) newly_lost_.insert(last);
    }
  }

  // Is the database there, and are the desks still ours? Until it is, or there is something to write.
  void ask() {
    if (trying_since_ == 0) trying_since_ = Clock::now().time_since_epoch().count();
    std::vector<outcome::Fenced> lost;
    for (;;) {
      const Ended ended = attempt([&] {
        lost.clear();
        pqxx::nontransaction transaction{*connection_};
        for (const auto& row : transaction.exec("select desk, epoch from desk_owner")) {
          const auto served = served_.find(DeskId{row[0].as<DeskId::Number>()});
          if (served != served_.end() && served->second < Epoch{row[1].as<Epoch::Number>()})
            lost.push_back({served->first, served->second});
        }
      });
      if (ended.ending == Ending::done) break;
      if (!pause()) return;
      std::lock_guard lock{mutex_};
      if (!gathering_.empty()) return;  // the commit goes on trying, and the time since runs on
    }
    trying_since_ = 0;
    for (const outcome::Fenced& each : lost) {
      served_.erase(each.desk);
      forget(each.desk, each.epoch);
      tell(each);
    }
  }

  // The one place where libpqxx's exceptions end.
  template <class F>
  Ended attempt(const F& f) {
    try {
      if (!connection_) connect();
      f();
      backoff_ = options_.backoff_min;
      return {Ending::done, {}};
    } catch (const pqxx::sql_error& error) {
      if (is_about_a_row(error.sqlstate())) return {Ending::refused, first_line(error.what())};
      return failed(error);
    } catch (const std::exception& error) { return failed(error); }
  }

  Ended failed(const std::exception& error) {
    // Whatever it was, a new connection is a clean start.
    disconnect();
    std::lock_guard lock{mutex_};
    ++counters_.retries;
    last_error_ = first_line(error.what());
    return {Ending::failed, last_error_};
  }

  void connect() {
    auto connection = std::make_unique<pqxx::connection>(connection_words(options_.connection, writer_name));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    // Otherwise libpqxx makes a new connection behind our back, without the settings below.
    connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
    {
      std::lock_guard lock{socket_mutex_};
      socket_ = connection->sock();
    }
    connection_ = std::move(connection);
    quiet_.emplace(*connection_);
    pqxx::nontransaction{*connection_}.exec(session_settings(options_.statement_timeout));
  }

  void disconnect() {
    prepared_.clear();
    std::lock_guard lock{socket_mutex_};
    socket_ = -1;
    quiet_.reset();
    connection_.reset();
  }

  // Waits before the next try. False: the writer is being ended.
  bool pause() {
    std::unique_lock lock{mutex_};
    stopped_.wait_for(lock, backoff_, [this] { return stop_; });
    backoff_ = std::min(backoff_ * 2, options_.backoff_max);
    return !stop_;
  }

  // ---- telling

  void tell(const Outcome& outcome) {
    std::lock_guard lock{tell_mutex_};
    tell_(outcome);
  }

  void tell_refused(const Record& record, const std::string& reason) {
    {
      std::lock_guard lock{mutex_};
      ++counters_.refused;
    }
    tell(outcome::Refused{record.desk, record.position, reason});
  }

  // ---- the watchdog's thread: the writer cannot tell that it hangs

  void watch() {
    bool degraded = false;
    Clock::time_point told{};
    std::unique_lock lock{mutex_};
    while (!stopped_.wait_for(lock, look_every, [this] { return stop_; })) {
      const std::int64_t since = trying_since_;
      const auto now = Clock::now();
      const auto lasting = since == 0 ? Clock::duration{} : now.time_since_epoch() - Clock::duration{since};
      const bool bad = lasting >= options_.degraded_after;
      if (bad == degraded && !(bad && now - told >= tell_every)) continue;
      degraded = bad;
      told = now;
      outcome::Health health{!bad, {}, gathering_.bytes() + committing_bytes_, {}};
      if (bad) {
        health.lasting = std::chrono::duration_cast<std::chrono::milliseconds>(lasting);
        health.reason = last_error_;
      } else {
        last_error_.clear();
      }
      lock.unlock();
      tell(health);
      lock.lock();
    }
  }

  const WriterOptions options_;
  const std::function<void(const Outcome&)> tell_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;     // of the writer: there is something to write
  std::condition_variable settled_;  // of drain()
  std::condition_variable stopped_;  // of everybody who pauses
  bool stop_{};
  bool given_up_{};
  bool idle_{};
  Gathering gathering_;
  std::uint64_t appended_{};
  std::size_t committing_rows_{};
  std::size_t committing_bytes_{};
  std::map<DeskId, Epoch> gone_;  // desks that are not ours, up to this epoch
  WriterCounters counters_;
  std::string last_error_;

  std::mutex tell_mutex_;
  std::atomic<std::int64_t> trying_since_{};  // when the work in hand was first tried; 0: none

  std::mutex socket_mutex_;
  int socket_{-1};

  // Of the writer's thread alone.
  std::unique_ptr<pqxx::connection> connection_;
  std::optional<pqxx::quiet_errorhandler> quiet_;  // libpqxx would print notices; what matters comes as an exception
  std::set<std::string> prepared_;                 // on this connection
  Columns columns_;
  std::set<DeskId> newly_lost_;
  std::map<DeskId, Epoch> served_;  // the desks that something was stored of, under our epochs
  std::chrono::milliseconds backoff_{options_.backoff_min};
  Clock::time_point began_{};
  Clock::time_point asked_{Clock::now()};

  std::thread writer_;
  std::thread watchdog_;
};

Writer::Writer(WriterOptions options, std::function<void(const Outcome&)> tell)
    : thread_{std::make_unique<Thread>(std::move(options), std::move(tell))} {}
Writer::~Writer() = default;
void Writer::append(std::span<const Record> step) { thread_->append(step); }
void Writer::forget(DeskId desk, Epoch epoch) { thread_->forget(desk, epoch); }
bool Writer::drain(std::chrono::milliseconds most) { return thread_->drain(most); }
void Writer::give_up() { thread_->give_up(); }
WriterCounters Writer::counters() const { return thread_->counters(); }

}  // namespace deskd
