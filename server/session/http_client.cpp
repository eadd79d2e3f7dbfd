#include "server/session/http_client.hpp"

#include <stdexcept>

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace deskd {

namespace {

// The largest policy a desk can have, several times over.
constexpr std::uint64_t answer_bytes_max{64 * 1024 * 1024};

}  // namespace

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

std::optional<CallAnswer> call(const std::string& host, std::uint16_t port, std::string_view method,
                               std::string_view target, std::string_view bearer, std::string body) {
  asio::io_context context;
  beast::tcp_stream stream{context};
  error_code failed;
  const asio::ip::tcp::endpoint endpoint{asio::ip::make_address(host), port};
  stream.socket().connect(endpoint, failed);
  if (failed == asio::error::connection_refused) return std::nullopt;
  if (failed) throw std::runtime_error{"cannot reach " + host + ": " + failed.message()};

  http::request<http::string_body> request{
      http::string_to_verb({method.data(), method.size()}), {target.data(), target.size()}, 11};
  request.set(http::field::host, host);
  request.set(http::field::content_type, "application/json");
  if (!bearer.empty()) request.set(http::field::authorization, "Bearer " + std::string{bearer});
  request.body() = std::move(body);
  request.prepare_payload();

  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(answer_bytes_max);
  stream.expires_after(call_within);
  http::async_write(stream, request, [&](error_code error, std::size_t) {
    failed = error;
    if (error) return;
    http::async_read(stream, buffer, parser, [&](error_code read_error, std::size_t) { failed = read_error; });
  });
  context.run();
  if (failed) throw std::runtime_error{"no answer from " + host + ": " + failed.message()};
  return CallAnswer{parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace deskd
