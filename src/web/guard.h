// Which requests the server answers: those of the page that it gave out itself, to the one who has its token.
//
//   Guard guard({"127.0.0.1:8766", "localhost:8766"}, new_token());
//   if (std::optional<Refusal> refusal = guard.refusal(asked)) ...
//
// A page of somebody else in the same browser can send requests here, but neither read the token nor set these headers:
// Host says under which name the browser knows the server (against DNS rebinding), Origin whose page asks, the cookie is
// not sent for other sites, and a JSON body makes the browser ask first, which is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery::web {

struct Asked {
  bool has_body = false;  // the method is one that changes something
  std::string host, content_type;
  std::optional<std::string> origin, fetch_site;  // where the browser says them
  std::string cookies, authorization;             // headers
  std::string token;                              // of the URL; empty: none
};

struct Refusal {
  int status;
  std::string message;
};

class Guard {
 public:
  // `hosts`: "name:port", of this server. `any_address`: every IP address with the port of the first one, for a server that
  // listens on all.
  Guard(std::vector<std::string> hosts, bool any_address, std::string token);

  [[nodiscard]] std::optional<Refusal> refusal(const Asked& asked) const;
  [[nodiscard]] bool is_token(std::string_view text) const;
  [[nodiscard]] const std::string& token() const { return token_; }
  // The name of the cookie that carries the token: cookies are shared by all ports of a host.
  [[nodiscard]] const std::string& cookie() const { return cookie_; }

 private:
  [[nodiscard]] bool is_own(std::string_view host) const;
  [[nodiscard]] bool knows_token(const Asked& asked) const;

  std::vector<std::string> hosts_;
  std::string port_;
  bool any_address_;
  std::string token_, cookie_;
};

// 32 random bytes of the system, as 64 digits. Throws Error(run).
[[nodiscard]] std::string new_token();

}  // namespace brainsurgery::web
