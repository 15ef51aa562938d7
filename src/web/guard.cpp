#include "web/guard.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/text.h"
#include "brainsurgery/error.h"

namespace brainsurgery::web {
namespace {

constexpr std::string_view kScheme = "http://", kBearer = "Bearer ", kJson = "application/json";

// In a time that does not depend on where the texts differ.
bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// The value of `name` in "a=1; b=2"; empty: it is not there.
std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    const std::string_view one = trim(cookies.substr(0, end));
    const std::size_t equals = one.find('=');
    if (equals != std::string_view::npos && one.substr(0, equals) == name) return one.substr(equals + 1);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
  return {};
}

// "127.0.0.1:80", "[::1]:80": no name that a DNS server could give another address.
bool is_address(std::string_view host) {
  const auto all = [](std::string_view text, std::string_view of) {
    return !text.empty() && text.find_first_not_of(of) == std::string_view::npos;
  };
  if (host.starts_with('[')) return host.ends_with(']') && all(host.substr(1, host.size() - 2), "0123456789abcdef:.");
  return all(host, "0123456789.");
}

bool is_json(std::string_view content_type) {
  return ascii_lower(trim(content_type.substr(0, content_type.find(';')))) == kJson;
}

}  // namespace

Guard::Guard(std::vector<std::string> hosts, bool any_address, std::string token)
    : hosts_(std::move(hosts)),
      port_(hosts_.front().substr(hosts_.front().rfind(':'))),
      any_address_(any_address),
      token_(std::move(token)),
      cookie_("brainsurgery_" + port_.substr(1)) {}

bool Guard::is_own(std::string_view host) const {
  const std::string lowered = ascii_lower(host);
  if (std::ranges::find(hosts_, lowered) != hosts_.end()) return true;
  return any_address_ && lowered.ends_with(port_) &&
         is_address(std::string_view(lowered).substr(0, lowered.size() - port_.size()));
}

bool Guard::is_token(std::string_view text) const { return same_secret(text, token_); }

bool Guard::knows_token(const Asked& asked) const {
  if (is_token(cookie_value(asked.cookies, cookie_)) || is_token(asked.token)) return true;
  return asked.authorization.starts_with(kBearer) &&
         is_token(std::string_view(asked.authorization).substr(kBearer.size()));
}

std::optional<Refusal> Guard::refusal(const Asked& asked) const {
  if (!is_own(asked.host))
    return Refusal{421, "this server is not known under that name: the Host header is not one of its own"};
  if (asked.origin &&
      !(asked.origin->starts_with(kScheme) && is_own(std::string_view(*asked.origin).substr(kScheme.size()))))
    return Refusal{403, "the request comes from another page: the Origin header is not this server's"};
  if (asked.fetch_site && asked.fetch_site != "same-origin" && asked.fetch_site != "none" && asked.has_body)
    return Refusal{403, "the request comes from another page"};
  if (!knows_token(asked))
    return Refusal{401, "the token is missing or wrong: open the address that brainsurgery printed when it started"};
  if (asked.has_body && !is_json(asked.content_type))
    return Refusal{415, fmt::format("the body must be JSON, with Content-Type: {}", kJson)};
  return std::nullopt;
}

std::string new_token() {
  std::array<std::uint8_t, 32> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) != 0)
    throw Error(ErrorCode::run, "the system gives no random bytes for the token of the page");
  std::string token;
  for (const std::uint8_t byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

}  // namespace brainsurgery::web
