#include "web/server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "base/text.h"
#include "brainsurgery/error.h"
#include "web/connection_threads.h"
#include "web/guard.h"
#include "web/page.h"

namespace brainsurgery::web {
namespace {

using namespace std::chrono_literals;
using Handled = httplib::Server::HandlerResponse;

constexpr std::size_t kMostConnections = 512;
constexpr std::size_t kMostBodyBytes = std::size_t{16} << 20;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;  // of a file that is given out
constexpr const char *kJsonType = "application/json", *kTextType = "text/plain; charset=utf-8";

// Nothing is loaded from elsewhere, nothing inline is run, and no other page may show this one.
httplib::Headers safe_headers() {
  return {{"Content-Security-Policy",
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
           "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"X-Frame-Options", "DENY"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cross-Origin-Resource-Policy", "same-origin"},
          {"Cache-Control", "no-store, max-age=0"}};
}

std::optional<std::string> header(const httplib::Request& request, const char* name) {
  return request.has_header(name) ? std::optional(request.get_header_value(name)) : std::nullopt;
}

Asked asked_of(const httplib::Request& request) {
  Asked asked;
  asked.has_body = request.method != "GET" && request.method != "HEAD";
  asked.host = request.get_header_value("Host");
  asked.content_type = request.get_header_value("Content-Type");
  asked.origin = header(request, "Origin");
  asked.fetch_site = header(request, "Sec-Fetch-Site");
  asked.cookies = request.get_header_value("Cookie");
  asked.authorization = request.get_header_value("Authorization");
  if (request.path == "/") asked.token = request.get_param_value("token");
  return asked;
}

bool is_wildcard(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

std::string bracketed(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

// Under which names the server is known.
std::vector<std::string> hosts_of(const std::string& address, int port) {
  std::vector<std::string> names;
  if (!is_wildcard(address)) names.push_back(ascii_lower(bracketed(address)));
  if (is_loopback(address) || is_wildcard(address)) {
    for (const char* name : {"127.0.0.1", "localhost", "[::1]"}) names.emplace_back(name);
  }
  std::array<char, 256> name{};
  if (is_wildcard(address) && ::gethostname(name.data(), name.size() - 1) == 0) names.push_back(ascii_lower(name.data()));
  for (std::string& each : names) each += fmt::format(":{}", port);
  return names;
}

Json failure(const Error& error) {
  Json diagnostics = Json::array();
  for (const Diagnostic& item : error.diagnostics()) {
    Json entry{{"message", item.message}, {"notes", item.notes}};
    if (item.span.known()) {
      entry["line"] = item.span.line;
      entry["column"] = item.span.column;
    }
    diagnostics.push_back(std::move(entry));
  }
  return {{"ok", false},
          {"error", error.what()},
          {"text", to_string(error)},
          {"assertion", error.code() == ErrorCode::assertion},
          {"diagnostics", std::move(diagnostics)}};
}

std::string message_of(int status) {
  switch (status) {
    case 404:
      return "there is nothing at this address";
    case 413:
      return "the request is too large";
    default:
      return fmt::format("the request was refused ({})", status);
  }
}

void refuse(httplib::Response& response, int status, const std::string& message) {
  response.status = status;
  response.set_content(text_of({{"ok", false}, {"error", message}}), kJsonType);
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, std::vector<Endpoint> endpoints, EventStream& stream, Env& env)
      : options_(options), endpoints_(std::move(endpoints)), stream_(stream), env_(env) {
    limit_clients();
    take_port();
    guard_.emplace(hosts_of(options_.address, port_), is_wildcard(options_.address), new_token());
    route();
  }

  [[nodiscard]] std::string url() const {
    const std::string host = is_wildcard(options_.address) ? "127.0.0.1" : bracketed(options_.address);
    return fmt::format("http://{}:{}/?token={}", host, port_, guard_->token());
  }

  void serve(const Cancellation& cancellation, const std::function<void()>& stop_work) {
    std::atomic<bool> ended = false;
    std::thread watcher([&] {
      while (!cancellation.requested() && !ended) std::this_thread::sleep_for(50ms);
      stop_work();
      stream_.close();
      server_.stop();
    });
    server_.listen_after_bind();
    ended = true;
    watcher.join();
  }

 private:
  void limit_clients() {
    server_.new_task_queue = [] { return new ConnectionThreads(kMostConnections); };
    // A request that was refused may have left its body unread, which must not be taken for the next request.
    server_.set_keep_alive_max_count(1);
    server_.set_read_timeout(5s);
    server_.set_write_timeout(10s);
    server_.set_payload_max_length(kMostBodyBytes);
    server_.set_tcp_nodelay(true);
  }

  void take_port() {
    const int wanted = options_.port.value_or(ServerOptions::kUsualPort);
    if (wanted != 0 && server_.bind_to_port(options_.address, wanted)) {
      port_ = wanted;
    } else if (!options_.port || wanted == 0) {
      port_ = server_.bind_to_any_port(options_.address);
    }
    if (port_ <= 0)
      throw Error(ErrorCode::run, fmt::format("cannot listen on {} port {}: the port is taken or the address is not this "
                                              "machine's",
                                              options_.address, wanted));
  }

  void route() {
    server_.set_default_headers(safe_headers());
    server_.set_pre_routing_handler([this](const auto& request, auto& response) { return admit(request, response); });
    server_.set_exception_handler([](const auto&, auto& response, const std::exception_ptr&) {
      refuse(response, 500, "internal error");
    });
    server_.set_error_handler([](const auto&, auto& response) {
      if (response.body.empty()) refuse(response, response.status, message_of(response.status));
    });
    server_.Get("/", [this](const auto& request, auto& response) { give_page(request, response); });
    for (const PageFile& file : page_files()) {
      server_.Get(fmt::format("/page/{}", file.name), [file](const auto&, auto& response) {
        response.set_content(file.content.data(), file.content.size(), std::string(media_type(file.name)));
      });
    }
    server_.Get("/api/events", [this](const auto& request, auto& response) { give_events(request, response); });
    server_.Get("/api/file", [this](const auto& request, auto& response) { give_file(request, response); });
    server_.Get("/api/openapi.json", [this](const auto&, auto& response) {
      response.set_content(text_of(openapi(endpoints_)), kJsonType);
    });
    for (const Endpoint& endpoint : endpoints_) add(endpoint);
  }

  Handled admit(const httplib::Request& request, httplib::Response& response) {
    const std::optional<Refusal> refusal = guard_->refusal(asked_of(request));
    if (!refusal) return Handled::Unhandled;
    response.status = refusal->status;
    if (request.path == "/") {
      response.set_content(refusal->message + "\n", kTextType);
    } else {
      refuse(response, refusal->status, refusal->message);
    }
    return Handled::Handled;
  }

  // Who has the token in the address gets it as a cookie; the page takes it out of the address.
  void give_page(const httplib::Request& request, httplib::Response& response) {
    if (guard_->is_token(request.get_param_value("token")))
      response.set_header("Set-Cookie", fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/", guard_->cookie(),
                                                    guard_->token()));
    for (const PageFile& file : page_files()) {
      if (file.name == "index.html")
        response.set_content(file.content.data(), file.content.size(), std::string(media_type(file.name)));
    }
  }

  void give_events(const httplib::Request& request, httplib::Response& response) {
    const std::string heard = request.get_header_value("Last-Event-ID");
    std::uint64_t number = stream_.last();
    if (!heard.empty() && heard.size() < 19 && heard.find_first_not_of("0123456789") == std::string::npos)
      number = std::min<std::uint64_t>(number, std::stoull(heard));
    response.set_chunked_content_provider(
        "text/event-stream", [this, number, begun = false](std::size_t, httplib::DataSink& sink) mutable {
          std::string text = begun ? "" : ": connected\n\n";
          begun = true;
          const auto messages = text.empty() ? stream_.after(number, 10s) : std::vector<Message>();
          if (!messages) return false;
          for (const Message& message : *messages) {
            text += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", message.number, message.kind, message.data);
            number = message.number;
          }
          if (text.empty()) text = ": still here\n\n";  // who has gone is noticed by writing
          return sink.write(text.data(), text.size());
        });
  }

  // A file below the root, piece by piece.
  void give_file(const httplib::Request& request, httplib::Response& response) {
    try {
      const std::shared_ptr<const ReadableFile> file = env_.open(request.get_param_value("path"));
      response.set_header("Content-Disposition", "attachment");
      response.set_content_provider(
          static_cast<std::size_t>(file->status().size), "application/octet-stream",
          [file](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
            std::vector<std::byte> piece(std::min(length, kPieceBytes));
            try {
              file->read(static_cast<std::int64_t>(offset), piece);
            } catch (const Error&) {  // it shrank: the client sees that the end is missing
              return false;
            }
            return sink.write(reinterpret_cast<const char*>(piece.data()), piece.size());
          });
    } catch (const Error& error) {
      response.status = 400;
      response.set_content(text_of(failure(error)), kJsonType);
    }
  }

  void add(const Endpoint& endpoint) {
    const std::string path(endpoint.path);
    if (endpoint.method == Endpoint::Method::get) {
      server_.Get(path, [this, &endpoint](const auto& request, auto& response) {
        answer(endpoint, response, [&] { return query_arguments(endpoint, request.params); });
      });
    } else {
      server_.Post(path, [this, &endpoint](const auto& request, auto& response) {
        answer(endpoint, response, [&] { return body_arguments(endpoint, request.body); });
      });
    }
  }

  template <typename Arguments>
  void answer(const Endpoint& endpoint, httplib::Response& response, const Arguments& arguments) {
    if (endpoint.writes && options_.read_only) {
      refuse(response, 403, "this server was started with --read-only");
      return;
    }
    try {
      Json json{{"ok", true}};
      json.update(endpoint.answer(arguments()));
      response.set_content(text_of(json), kJsonType);
    } catch (const Error& error) {
      response.status = error.code() == ErrorCode::internal ? 500 : 400;
      response.set_content(text_of(failure(error)), kJsonType);
    }
  }

  ServerOptions options_;
  const std::vector<Endpoint> endpoints_;
  EventStream& stream_;
  Env& env_;
  httplib::Server server_;
  int port_ = 0;
  std::optional<Guard> guard_;
};

Server::Server(const ServerOptions& options, std::vector<Endpoint> endpoints, EventStream& stream, Env& env)
    : impl_(std::make_unique<Impl>(options, std::move(endpoints), stream, env)) {}
Server::~Server() = default;

std::string Server::url() const { return impl_->url(); }

void Server::serve(const Cancellation& cancellation, const std::function<void()>& stop_work) {
  impl_->serve(cancellation, stop_work);
}

}  // namespace brainsurgery::web
