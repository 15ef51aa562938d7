// SHA-256 of a stream of bytes. Not shareable between threads.
//
//   Sha256 hash;
//   hash.update(bytes);
//   std::string digest = hash.hex();   // 64 lower-case digits; ends the stream
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace brainsurgery {

using Sha256Digest = std::array<std::byte, 32>;

// How texts name one: "sha256:" and 64 lower-case hex digits.
inline constexpr std::string_view kDigestPrefix = "sha256:";
inline constexpr std::string_view kDigestNote = "sha256: and 64 hex digits are expected, as brainsurgery digest prints them";
[[nodiscard]] bool is_digest(std::string_view text);

// Lower-case digits.
[[nodiscard]] std::string to_hex(const Sha256Digest& digest);

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  // The digest of everything so far. The object starts anew afterwards.
  [[nodiscard]] Sha256Digest digest();
  [[nodiscard]] std::string hex() { return to_hex(digest()); }

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace brainsurgery
