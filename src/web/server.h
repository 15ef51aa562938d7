// The HTTP server: the page, the API, and a stream of events.
//
//   Server server({.address = "127.0.0.1", .port = 8766}, endpoints(workbench), stream);
//   std::cerr << server.url() << '\n';
//   server.serve(cancellation);            // until it is cancelled
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/cancellation.h"
#include "brainsurgery/env.h"
#include "web/endpoint.h"
#include "web/event_stream.h"

namespace brainsurgery::web {

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::optional<int> port;  // nullopt: kUsualPort, or any other where that one is taken
  bool read_only = false;

  static constexpr int kUsualPort = 8766;
};

class Server {
 public:
  // Takes the port. Throws Error(run) where it cannot be had. `stream`, and `env`, whose files it gives out, outlive the
  // server.
  Server(const ServerOptions& options, std::vector<Endpoint> endpoints, EventStream& stream, Env& env);
  ~Server();

  // Of the page, with the token.
  [[nodiscard]] std::string url() const;
  // Answers until `cancellation` is asked for. `stop_work` ends what requests are in.
  void serve(const Cancellation& cancellation, const std::function<void()>& stop_work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace brainsurgery::web
