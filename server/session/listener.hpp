// listener.hpp - The front door: accepts, reads the request, answers it or hands the socket on to its desk.
//
//      accept ──> read the request (5 s, 16 KiB of header)
//                     ├── a door of a desk ──> origin, limits ──> Arrival ──> Doors::enter   (upgraded there)
//                     ├── a page ────────────> answered
//                     └── anything else ─────> HttpHandler, or 404
//
// Every refusal is an answer that the client can read: 400, 403, 404, 405, 413, 426, 429, 431, 503. After it the client
// has time to read it, because a socket closed upon unread bytes is reset and takes the answer with it. One request a
// connection: there is nothing to smuggle behind it.
//
// Out of descriptors, it ends the oldest half-sent request and waits a little; it never spins. Requests half-sent are
// bounded the same way: the oldest ends, not the newest, so that many slow ones cannot keep out one that is quick.
//
// Lives on the thread of the loop it is given. Replies may be given from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/session/admission.hpp"
#include "server/session/arrival.hpp"
#include "server/session/loop.hpp"
#include "server/session/request.hpp"

namespace deskd {

struct HttpRequest {
  std::string method;
  std::string path;
  std::string query;
  std::string authorization;
  std::string body;
  std::string peer;
};

struct HttpAnswer {
  unsigned status{200};
  std::string type{"text/plain; charset=utf-8"};
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Once; one that is let go without a call is answered by the deadline.
using Reply = std::function<void(HttpAnswer)>;
using HttpHandler = std::function<void(HttpRequest, Reply)>;

// Whoever knows which desks there are. Called on the listener's thread.
class Doors {
 public:
  enum class Verdict { welcome, unknown, forbidden, closed };
  // `origin` is empty when the client named none.
  virtual Verdict may_enter(const Door& door, std::string_view origin, std::string_view host) = 0;
  virtual void enter(Arrival arrival) = 0;

 protected:
  ~Doors() = default;
};

struct ListenerOptions {
  std::string address{"127.0.0.1"};
  std::uint16_t port{};  // 0: any; port() says which
  bool buyers{true};     // which doors this address has
  bool staff{true};
  std::string_view subprotocol{"deskd.v1"};  // empty: not asked for
  std::vector<Network> trusted_proxies;
  std::size_t header_bytes_max{16 * 1024};  // a browser with a shop's cookies sends up to 8 KB
  std::size_t body_bytes_max{64 * 1024};
  std::size_t requests_max{1024};  // being read or answered at once
  Admission::Limits admission{};   // descriptors 0: asked of the system
};

class Listener {
 public:
  struct Counters {
    std::atomic<std::uint64_t> accepted, upgraded, answered, refused, timed_out, paused;
  };

  // Takes the address, and throws boost::system::system_error when it cannot be had. Who comes before start() waits in
  // the kernel's queue. `pages` are answered as they are.
  Listener(Loop& loop, ListenerOptions options, Doors* doors, HttpHandler handler,
           std::map<std::string, HttpAnswer, std::less<>> pages = {});
  ~Listener();

  const std::string& address() const;
  std::uint16_t port() const;
  const Counters& counters() const;  // any thread
  const Admission& admission() const;

  // Accepts, from now on. Before the loop runs, or on its thread.
  void start();
  // Accepts no more; requests being answered are answered. On the listener's thread.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace deskd
