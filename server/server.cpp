#include "server/server.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "protocol/policy_codec.hpp"
#include "server/log.hpp"
#include "server/own_secret.hpp"
#include "server/web/pages.hpp"
#include "server/zones.hpp"
#include "storage/desks.hpp"
#include "storage/migrate.hpp"

namespace deskd {

namespace asio = boost::asio;

namespace {

// Sessions sent away come back spread over this time, so that the next server is not met by everybody at once.
constexpr Duration jitter_max{5000};

// A server that has lost its last desk stays so long for its sessions to read where to go.
constexpr std::chrono::milliseconds farewell{1500};

constexpr std::chrono::seconds house_kept_every{10};
constexpr std::int64_t partitions_made_every_ms{std::int64_t{24} * 3600 * 1000};

// So many clients from one address while nobody comes from another: a proxy that is not in trusted_proxies.
constexpr std::size_t one_address_from{50};

// Pages bring their scripts and styles as files of their own, and talk to this server alone.
constexpr std::string_view content_policy{
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"};

std::map<std::string, HttpAnswer, std::less<>> served_pages() {
  std::map<std::string, HttpAnswer, std::less<>> served;
  for (const Page& page : pages()) {
    HttpAnswer answer;
    answer.type = page.type;
    answer.body = page.body;
    answer.headers = {{"Content-Security-Policy", std::string{content_policy}}, {"Referrer-Policy", "no-referrer"}};
    served.emplace(page.path, std::move(answer));
  }
  return served;
}

policy::Desk parsed(const stored::Policy& stored, std::string_view desk) {
  auto read = policy::decode(stored.body);
  if (const auto* problem = std::get_if<policy::Problem>(&read))
    throw std::runtime_error{"desk " + std::string{desk} + ", policy " + std::to_string(stored.version) + ": " +
                             problem->text()};
  policy::Desk policy = std::get<policy::Desk>(std::move(read));
  policy.version = stored.version;
  for (const std::string& wrong : fill_offsets(policy, Clock::wall_ms())) throw std::runtime_error{wrong};
  return policy;
}

std::shared_ptr<const KeyRing> ring(const policy::Desk& policy, const TokenKey& guest) {
  auto made = KeyRing::of(policy, guest);
  if (const auto* wrong = std::get_if<std::string>(&made)) throw std::runtime_error{*wrong};
  return std::make_shared<const KeyRing>(std::get<KeyRing>(std::move(made)));
}

void prepare_partitions(const std::string& database, std::int64_t wall_ms) {
  for (const std::string& name : make_partitions(database, instant_of(wall_ms)))
    note(Happened::partition_worry, {{"partition", Name{name}}});
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Server::Server(Settings settings)
    : settings_{std::move(settings)},
      signals_{loop_.context(), SIGINT, SIGTERM},
      drain_timer_{loop_.context()},
      house_timer_{loop_.context()},
      admin_{*this, [this](std::string_view word) { return same_secret(word, admin_word_); }} {}

// Whoever posts to a shard goes before the shards, whoever posts to this thread before its loop.
Server::~Server() {
  listeners_.clear();
  if (writer_ != nullptr) writer_->give_up();  // after a second signal a drain still waits
  office_.stop();
  office_.join();
  for (const auto& shard : shards_) shard->post(mail::Stop{});
  for (std::thread& thread : threads_) thread.join();
  reader_.reset();
  writer_.reset();
  shards_.clear();
}

int Server::run() {
  note(Happened::starting, {{"shards", settings_.shards}});
  const std::size_t descriptors = raise_descriptors_limit(descriptors_wanted());
  if (descriptors < descriptors_wanted())
    note(Happened::descriptors_few, {{"descriptors", descriptors}, {"sessions_max", settings_.sessions_max}});
  const auto secret = [](const std::string& file) {
    auto read = own_secret(file);
    if (const auto* wrong = std::get_if<std::string>(&read)) throw std::runtime_error{*wrong};
    return std::get<OwnSecret>(std::move(read)).text;
  };
  guest_key_ = TokenKey::of_secret(std::string{guest_kid}, secret(settings_.guest_key_file));
  admin_word_ = secret(settings_.admin_key_file);

  judge_database();
  const std::vector<std::string> desks = judge_desks();
  take_addresses();
  std::vector<Placement> placements = take_desks(desks);
  start_storage();
  start_shards(std::move(placements));
  open_doors();
  await_signal();
  keep_house();
  note(Happened::serving, {{"desks", entries_.size()}});
  loop_.run();
  note(Happened::stopped, {{"code", exit_code_}});
  return exit_code_;
}

// The first one drains; whoever sends a second does not want to wait.
void Server::await_signal() {
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    if (draining_) return stop(exit_refused);
    begin_drain();
    await_signal();
  });
}

void Server::judge_database() {
  const std::vector<std::string> wrong = check_database(settings_.database, settings_.allow_full_page_writes_off);
  if (!wrong.empty()) throw std::runtime_error{joined(wrong)};
  partitions_made_ms_ = Clock::wall_ms();
  prepare_partitions(settings_.database, partitions_made_ms_);
}

// The desks to take. What their policies name is there and can be read: keys, zones, and the folder of recordings. No two
// have a shop of one name, by which buyers come in.
std::vector<std::string> Server::judge_desks() {
  std::vector<std::string> names = settings_.desks;
  if (names.empty()) names = desk_names(settings_.database);
  if (names.empty()) throw std::runtime_error{"the database has no desk yet: deskd apply FILE"};
  std::map<std::string, std::string> desk_of_shop;
  for (const std::string& name : names) {
    const auto newest = read_policy(settings_.database, name);
    if (newest.empty()) throw std::runtime_error{"desk " + name + " has no policy yet: deskd apply FILE"};
    const policy::Desk policy = parsed(newest.front(), name);
    ring(policy, *guest_key_);
    for (const policy::Shop& shop : policy.shops)
      if (const auto [first, is_new] = desk_of_shop.emplace(shop.name, name); !is_new)
        throw std::runtime_error{"desks " + first->second + " and " + name + " both have a shop " + shop.name +
                                 ": deskd apply another policy of one of them"};
  }
  if (!settings_.record_dir.empty() && ::access(settings_.record_dir.c_str(), W_OK | X_OK) != 0)
    throw std::runtime_error{"cannot record to " + settings_.record_dir};
  return names;
}

std::vector<Placement> Server::take_desks(const std::vector<std::string>& names) {
  desks_wanted_ = names.size();
  std::vector<std::pair<std::string, Taken>> taken;
  Instant newest{};
  for (const std::string& name : names) {
    taken.emplace_back(name, take_desk(settings_.database, name));
    newest = std::max(newest, taken.back().second.newest);
    note(Happened::desk_taken, {{"desk", Name{name}}, {"epoch", taken.back().second.epoch}});
  }
  clock_ = std::make_unique<Clock>(newest);
  std::vector<Placement> placements;
  for (auto& [name, one] : taken) placements.push_back(placement(name, std::move(one)));
  return placements;
}

Placement Server::placement(const std::string& name, Taken taken) {
  Placement made;
  made.id = taken.desk;
  made.name = name;
  made.epoch = taken.epoch;
  made.policy = std::make_shared<const policy::Desk>(parsed(taken.policies.at(0), name));
  made.keys = ring(*made.policy, *guest_key_);
  Open open = read_open(settings_.database, taken.desk, clock_->now() - made.policy->reopen_within);
  note(Happened::recovering, {{"desk", Name{name}}, {"chats", open.chats.size()}});
  for (const ChatId torn : open.torn) note(Happened::transcript_torn, {{"desk", Name{name}}, {"chat", torn}});
  for (const stored::Policy& older : open.policies)
    made.recovered.emplace_back(event::RecoveredPolicy{std::make_shared<const policy::Desk>(parsed(older, name))});
  for (stored::Agent& agent : open.agents) made.recovered.emplace_back(std::move(agent));
  made.recovered.emplace_back(open.surge);
  for (stored::Chat& chat : open.chats) made.recovered.emplace_back(std::move(chat));
  made.recovered.emplace_back(event::RecoveryDone{taken.position});
  made.revoked = read_revoked(settings_.database, taken.desk, clock_->now() - banned_for);
  return made;
}

void Server::start_storage() {
  WriterOptions writing;
  writing.connection = settings_.database;
  writer_ = std::make_unique<Writer>(writing, [this](const Outcome& outcome) { on_outcome(outcome); });
  ReaderOptions reading;
  reading.connection = settings_.database;
  reader_ = std::make_unique<Reader>(reading);
}

void Server::start_shards(std::vector<Placement> placements) {
  ShardOptions options;
  options.sessions.buyers = {static_cast<std::int32_t>(settings_.buyer_burst),
                             static_cast<std::int32_t>(settings_.buyer_per_second)};
  options.sessions.staff = {static_cast<std::int32_t>(settings_.agent_burst),
                            static_cast<std::int32_t>(settings_.agent_per_second)};
  options.sessions.socket.outbox_bytes_max = static_cast<std::size_t>(settings_.outbox_bytes_max);
  options.sessions_max = static_cast<std::size_t>(settings_.sessions_max);
  options.backlog_bytes_max = static_cast<std::size_t>(settings_.backlog_bytes_max);
  options.record_dir = settings_.record_dir;
  const Shard::Listeners listeners{.lost = [this](DeskId desk) { here([this, desk] { on_lost(desk); }); },
                                   .drained =
                                       [this] {
                                         here([this] {
                                           if (--shards_draining_ == 0) end_drain();
                                         });
                                       }};
  for (options.number = 0; options.number < static_cast<std::size_t>(settings_.shards); ++options.number)
    shards_.push_back(std::make_unique<Shard>(options, *clock_, *writer_, *reader_, listeners));
  for (Placement& placement : placements) {
    const std::size_t events = placement.recovered.size();
    enlist(placement).place(std::move(placement));
    note(Happened::recovered, {{"desk", Name{entries_.back().name}}, {"events", events}});
  }
  for (const auto& shard : shards_) {
    threads_.emplace_back([&shard = *shard] {
      try {
        shard.run();
      } catch (...) {
        note(Happened::internal_fault, {{"shard", shard.options().number}});
        throw;
      }
    });
    const std::string name = "shard-" + std::to_string(shard->options().number);
    ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
}

Shard& Server::enlist(const Placement& placement) {
  Shard* shard = shards_[entries_.size() % shards_.size()].get();
  {
    const std::lock_guard lock{shard_of_mutex_};
    shard_of_[placement.id] = shard;
  }
  entries_.push_back({placement.id, placement.name, placement.epoch, placement.policy, shard});
  return *shard;
}

std::size_t Server::descriptors_wanted() const {
  return static_cast<std::size_t>(settings_.sessions_max) + descriptors_besides_sessions;
}

ListenerOptions Server::listener_options(const std::string& address) const {
  const Address parts = address_of(address).value();
  ListenerOptions options;
  options.address = parts.host;
  options.port = parts.port;
  for (const std::string& text : settings_.trusted_proxies) options.trusted_proxies.push_back(*Network::parse(text));
  options.admission.per_address = static_cast<std::size_t>(settings_.sessions_per_address_max);
  options.admission.per_address_not_signed_in = static_cast<std::size_t>(settings_.unauthenticated_per_address_max);
  options.admission.not_signed_in = static_cast<std::size_t>(settings_.unauthenticated_max);
  // Descriptors or sessions, whichever end first.
  options.admission.descriptors = std::min(descriptors_limit(), descriptors_wanted());
  return options;
}

void Server::take_addresses() {
  ListenerOptions front = listener_options(settings_.listen);
  front.staff = settings_.staff_listen.empty();
  const auto take = [this](const ListenerOptions& options, Doors* doors, HttpHandler handler, auto pages) {
    try {
      listeners_.push_back(std::make_unique<Listener>(loop_, options, doors, std::move(handler), std::move(pages)));
    } catch (const boost::system::system_error& failed) {
      throw std::runtime_error{"cannot listen on " + options.address + ":" + std::to_string(options.port) + ": " +
                               failed.code().message()};
    }
  };
  take(front, this, {}, served_pages());
  if (!settings_.staff_listen.empty()) {
    ListenerOptions staff = listener_options(settings_.staff_listen);
    staff.buyers = false;
    take(staff, this, {}, served_pages());
  }
  ListenerOptions internal = listener_options(settings_.internal_listen);
  internal.body_bytes_max = policy::policy_bytes_max;
  take(internal, nullptr, internal_handler(), std::map<std::string, HttpAnswer, std::less<>>{});
}

void Server::open_doors() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    listeners_[i]->start();
    note(Happened::listening, {{"what", Name{listener_name(i)}},
                               {"address", Name{listeners_[i]->address()}},
                               {"port", listeners_[i]->port()}});
  }
}

std::string_view Server::listener_name(std::size_t i) const {
  return i + 1 == listeners_.size() ? "internal" : i == 0 ? "public" : "staff";
}

HttpHandler Server::internal_handler() {
  return [this](HttpRequest request, Reply reply) {
    Admin::Request asked{std::move(request.method), std::move(request.path), std::move(request.query),
                         std::move(request.authorization), std::move(request.body)};
    admin_.answer(asked, [reply = std::move(reply), path = asked.path](Admin::Answer answer) {
      if (path.starts_with("/admin/"))
        note(answer.status == 401 ? Happened::admin_refused : Happened::admin_called,
             {{"path", Name{path}}, {"status", answer.status}});
      reply({.status = answer.status, .type = std::move(answer.type), .body = std::move(answer.body), .headers = {}});
    });
  };
}

// On the writer's thread.
void Server::on_outcome(const Outcome& outcome) {
  if (const auto* health = std::get_if<outcome::Health>(&outcome))
    return here([this, health = *health] { note_database(health); });
  if (const auto* refused = std::get_if<outcome::Refused>(&outcome))
    note(Happened::record_refused, {{"desk", refused->desk}, {"position", refused->position}});
  const DeskId desk = std::visit(
      [](const auto& of) {
        if constexpr (requires { of.desk; }) return of.desk;
        else return DeskId{};
      },
      outcome);
  const std::lock_guard lock{shard_of_mutex_};
  if (const auto shard = shard_of_.find(desk); shard != shard_of_.end()) shard->second->post(mail::Stored{outcome});
}

void Server::note_database(const outcome::Health& health) {
  if (health.ok != database_.ok)
    note(health.ok ? Happened::database_back : Happened::database_away,
         {{"lasting_ms", static_cast<std::int64_t>(health.lasting.count())}, {"backlog_bytes", health.backlog_bytes}});
  database_ = health;
}

template <class Act>
void Server::here(Act act) {
  asio::post(loop_.context(), std::move(act));
}

void Server::begin_drain() {
  if (std::exchange(draining_, true)) return;
  note(Happened::draining, {{"seconds", settings_.drain_seconds}});
  for (std::size_t i = 0; i + 1 < listeners_.size(); ++i) listeners_[i]->stop();
  shards_draining_ = shards_.size();
  const Duration jitter = std::min(jitter_max, Duration{settings_.drain_seconds * 1000});
  for (const auto& shard : shards_) shard->post(mail::Drain{jitter});
  // Sessions have half of the time to end, records the rest.
  drain_timer_.expires_after(std::chrono::milliseconds{settings_.drain_seconds * 500});
  drain_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) end_drain();
  });
}

void Server::end_drain() {
  if (std::exchange(ending_, true)) return;
  drain_timer_.cancel();
  // A thread of its own: the office may be waiting for the very database that this should not wait for.
  threads_.emplace_back([this] {
    const bool stored =
        writer_->drain(std::chrono::milliseconds{std::max<std::int64_t>(1, settings_.drain_seconds) * 500});
    here([this, stored] {
      note(Happened::drained, {{"stored", stored}});
      stop(stored ? exit_ok : exit_refused);
    });
  });
}

void Server::on_lost(DeskId desk) {
  const auto lost = std::ranges::find(entries_, desk, &Entry::id);
  if (lost == entries_.end()) return;
  note(Happened::desk_lost, {{"desk", Name{lost->name}}, {"epoch", lost->epoch}});
  entries_.erase(lost);
  if (!entries_.empty() || draining_) return;
  drain_timer_.expires_after(farewell);
  drain_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) stop(exit_desks_lost);
  });
}

void Server::stop(int code) {
  exit_code_ = code;
  loop_.stop();
}

// What has to be done now and then.
void Server::keep_house() {
  const std::int64_t wall = Clock::wall_ms();
  if (wall - partitions_made_ms_ >= partitions_made_every_ms) {
    partitions_made_ms_ = wall;
    asio::post(office_, [this, wall] {
      try {
        prepare_partitions(settings_.database, wall);
      } catch (const StorageError&) {
        note(Happened::partition_worry);
        here([this] { partitions_made_ms_ = 0; });
      }
    });
  }
  std::size_t inside = 0, addresses = 0;
  std::uint64_t pauses = 0;
  for (const auto& listener : listeners_) {
    pauses += listener->counters().paused;
    inside += listener->admission().inside();
    addresses += listener->admission().addresses();
  }
  if (pauses > std::exchange(pauses_told_, pauses)) note(Happened::accept_paused, {{"pauses", pauses}});
  if (inside >= one_address_from && addresses == 1 && settings_.trusted_proxies.empty())
    note(Happened::one_address, {{"sessions", inside}});
  house_timer_.expires_after(house_kept_every);
  house_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) keep_house();
  });
}

Server::Entry* Server::entry(std::string_view name) {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found == entries_.end() ? nullptr : &*found;
}

Server::Entry* Server::entry(const Door& door) {
  if (door.entrance == Entrance::ops && door.name.empty()) return entries_.size() == 1 ? &entries_.front() : nullptr;
  if (door.entrance != Entrance::buyer) return entry(door.name);
  for (Entry& each : entries_)
    if (std::ranges::find(each.policy->shops, door.name, &policy::Shop::name) != each.policy->shops.end()) return &each;
  return nullptr;
}

Doors::Verdict Server::may_enter(const Door& door, std::string_view origin, std::string_view host) {
  if (draining_) return Verdict::closed;
  const Entry* desk = entry(door);
  if (desk == nullptr) return Verdict::unknown;
  // A program names no origin; the sign-in then wants a token that somebody signed.
  if (origin.empty()) return Verdict::welcome;
  if (door.entrance != Entrance::buyer) return is_same_host(origin, host) ? Verdict::welcome : Verdict::forbidden;
  const auto shop = std::ranges::find(desk->policy->shops, door.name, &policy::Shop::name);
  return is_listed(shop->origins, origin) ? Verdict::welcome : Verdict::forbidden;
}

void Server::enter(Arrival arrival) {
  const Entry* desk = entry(Door{arrival.entrance, arrival.name});
  if (desk != nullptr) desk->shard->post(mail::Arrive{desk->id, std::move(arrival)});
}

Health Server::health() {
  Health health;
  for (const auto& shard : shards_) health.loop_silent = std::max(health.loop_silent, shard->silent());
  health.database = database_.ok;
  health.database_lasting = Duration{database_.lasting};
  health.backlog_bytes = writer_->counters().backlog_bytes;
  health.desks_owned = entries_.size();
  health.desks_wanted = desks_wanted_;
  health.draining = draining_;
  return health;
}

void Server::scrape(std::function<void(Scrape)> then) {
  struct Gathering {
    Scrape all;
    std::size_t missing{};
    std::function<void(Scrape)> then;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->missing = shards_.size();
  gathering->then = std::move(then);
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    const Listener::Counters& c = listeners_[i]->counters();
    const Label listener{"listener", listener_name(i)};
    const auto count = [&](std::string_view what, std::uint64_t value) {
      gathering->all.add("deskd_requests_total", MetricType::counter, "requests, by what became of them",
                         static_cast<double>(value), {&listener, 1}, {"outcome", what});
    };
    count("upgraded", c.upgraded);
    count("answered", c.answered);
    count("refused", c.refused);
    count("timed_out", c.timed_out);
    gathering->all.add("deskd_accept_pauses_total", MetricType::counter, "times that no descriptor was left",
                       static_cast<double>(c.paused), {&listener, 1});
  }
  const WriterCounters w = writer_->counters();
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    gathering->all.add(name, MetricType::gauge, help, value);
  };
  const auto total = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    gathering->all.add(name, MetricType::counter, help, static_cast<double>(value));
  };
  total("deskd_storage_rows_total", "rows committed", w.rows);
  total("deskd_storage_commits_total", "transactions committed", w.commits);
  total("deskd_storage_retries_total", "commits that failed or whose outcome was unknown", w.retries);
  total("deskd_storage_refused_total", "rows that the database would not hold", w.refused);
  gathering->all.add("deskd_storage_commit_seconds_total", MetricType::counter, "time spent in commits",
                     static_cast<double>(w.commit_ns) / 1e9);
  gauge("deskd_storage_backlog_bytes", "appended and not yet committed", static_cast<double>(w.backlog_bytes));
  gauge("deskd_storage_backlog_rows", "appended and not yet committed", static_cast<double>(w.backlog_rows));
  gauge("deskd_degraded", "1 while the database is away", database_.ok ? 0 : 1);
  for (const auto& shard : shards_)
    shard->post(mail::Report{[this, gathering](const Scrape& part) {
      here([gathering, part] {
        gathering->all.add(part);
        if (--gathering->missing == 0) gathering->then(std::move(gathering->all));
      });
    }});
}

void Server::list(std::function<void(std::vector<DeskListed>)> then) {
  std::vector<DeskListed> listed;
  for (const Entry& each : entries_) {
    DeskListed& desk = listed.emplace_back(DeskListed{each.name, each.epoch, each.policy->version, {}});
    for (const policy::Shop& shop : each.policy->shops) desk.shops.push_back(shop.name);
  }
  then(std::move(listed));
}

void Server::policy(std::string_view desk, std::function<void(std::shared_ptr<const policy::Desk>)> then) {
  const Entry* found = entry(desk);
  then(found == nullptr ? nullptr : found->policy);
}

void Server::put_policy(std::string_view desk, std::shared_ptr<policy::Desk> policy,
                        std::function<void(std::variant<std::int64_t, Refusal>)> then) {
  then = [name = policy->name, then = std::move(then)](const std::variant<std::int64_t, Refusal>& put) {
    if (const auto* refused = std::get_if<Refusal>(&put))
      note(Happened::policy_refused, {{"desk", Name{name}}, {"why", refused->code}});
    then(put);
  };
  if (const auto wrong = fill_offsets(*policy, Clock::wall_ms()); !wrong.empty())
    return then(Refusal{Code::bad_policy, joined(wrong)});
  auto made = KeyRing::of(*policy, *guest_key_);
  if (const auto* wrong = std::get_if<std::string>(&made)) return then(Refusal{Code::bad_policy, *wrong});
  const Entry* found = entry(desk);
  for (const policy::Shop& shop : policy->shops)
    if (const Entry* has = entry(Door{Entrance::buyer, shop.name}); has != nullptr && has != found)
      return then(Refusal{Code::in_use, "shop " + shop.name + " is another desk's"});
  if (found == nullptr) return add_desk(std::move(policy), std::move(then));
  auto keys = std::make_shared<const KeyRing>(std::get<KeyRing>(std::move(made)));
  found->shard->post(
      mail::WouldDrop{found->id, policy,
                      [this, entry = *found, policy, keys, then = std::move(then)](std::vector<std::string> dropped) {
                        if (!dropped.empty()) return then(Refusal{Code::in_use, joined(dropped)});
                        store_policy(entry, policy, keys, then);
                      }});
}

// A desk that nobody has yet is made, given its first version, taken and placed. One that is in the database and not here
// is another server's, or was lost to one: it is never taken by itself.
void Server::add_desk(std::shared_ptr<policy::Desk> policy,
                      std::function<void(std::variant<std::int64_t, Refusal>)> then) {
  if (!settings_.desks.empty()) return then(Refusal{Code::bad_policy, "the setting `desks` does not name the desk"});
  asio::post(office_, [this, policy = std::move(policy), then = std::move(then)] {
    std::shared_ptr<Placement> made;
    try {
      const record::Policy row{policy->version, policy::encode(*policy), "admin", clock_->now()};
      if (!add_policy(settings_.database, make_desk(settings_.database, policy->name), policy->version - 1, row))
        return then(Refusal{Code::stale_policy, "the desk is in the database, and not this server's"});
      made = std::make_shared<Placement>(placement(policy->name, take_desk(settings_.database, policy->name)));
    } catch (const StorageError&) {
      return then(Refusal{Code::storage_behind, "the database is away"});
    } catch (const std::runtime_error& wrong) {
      // The desk is made and nobody's; the next start takes it. A key's file can have gone since it was judged.
      return then(Refusal{Code::bad_policy, wrong.what()});
    }
    here([this, made, then] {
      ++desks_wanted_;
      Shard& shard = enlist(*made);
      note(Happened::desk_taken, {{"desk", Name{made->name}}, {"epoch", made->epoch}});
      const std::int64_t version = made->policy->version;
      shard.post(mail::Place{made});
      then(version);
    });
  });
}

// From any thread: the database is asked in the office, and only what it has taken comes into force. When it has not
// taken this version, its newest one does: the answer to a commit may have been lost, or somebody written past us, and
// no change can start from a version that is not the newest.
void Server::store_policy(const Entry& entry, std::shared_ptr<const policy::Desk> policy,
                          std::shared_ptr<const KeyRing> keys,
                          std::function<void(std::variant<std::int64_t, Refusal>)> then) {
  asio::post(office_, [this, id = entry.id, name = entry.name, policy = std::move(policy), keys = std::move(keys),
                       then = std::move(then)]() mutable {
    std::optional<Refusal> refused;
    try {
      const record::Policy row{policy->version, policy::encode(*policy), "admin", clock_->now()};
      if (!add_policy(settings_.database, id, policy->version - 1, row))
        refused = Refusal{Code::stale_policy, "somebody was faster"};
    } catch (const StorageError&) { refused = Refusal{Code::storage_behind, "the database is away"}; }
    if (refused) {
      try {
        const auto newest = read_policy(settings_.database, name);
        if (newest.empty() || newest.front().version < policy->version) return then(*refused);
        auto other = std::make_shared<const policy::Desk>(parsed(newest.front(), name));
        if (other->version == policy->version && policy::encode(*other) == policy::encode(*policy)) refused.reset();
        else keys = ring(*other, *guest_key_);
        policy = std::move(other);
      } catch (const std::runtime_error&) { return then(*refused); }
    }
    here([this, id, policy = std::move(policy), keys = std::move(keys), refused, then = std::move(then)] {
      put_in_force(id, policy, keys);
      if (refused) return then(*refused);
      then(policy->version);
    });
  });
}

void Server::put_in_force(DeskId desk, const std::shared_ptr<const policy::Desk>& policy,
                          const std::shared_ptr<const KeyRing>& keys) {
  const auto found = std::ranges::find(entries_, desk, &Entry::id);
  // Lost in the meantime: the version is for whoever has it now.
  if (found == entries_.end() || found->policy->version >= policy->version) return;
  found->policy = policy;
  found->shard->post(mail::NewPolicy{desk, policy, keys});
  note(Happened::policy_changed, {{"desk", Name{found->name}}, {"version", policy->version}});
}

void Server::revoke(std::string_view desk, const admin::Revocation& who,
                    std::function<void(std::optional<SentAway>)> then) {
  const Entry* found = entry(desk);
  if (found == nullptr) return then(std::nullopt);
  note(who.lift ? Happened::revocation_lifted : Happened::revoked, {{"desk", Name{found->name}}, {"role", who.role}});
  found->shard->post(mail::Revoke{found->id, who, std::move(then)});
}

void Server::explain(std::string_view desk, ChatId chat, bool all,
                     std::function<void(std::optional<std::string>)> then) {
  const Entry* found = entry(desk);
  if (found == nullptr) return then(std::nullopt);
  found->shard->post(mail::Explain{found->id, chat, all, std::move(then)});
}

}  // namespace deskd
