// SHA-256 of a stream of bytes. Not shareable between threads.
//
//   Sha256 hash;
//   hash.update(bytes);
//   std::string digest = hash.hex();   // 64 lower-case digits; ends the stream
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace brainsurgery {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  // The digest of everything so far. The object starts anew afterwards.
  [[nodiscard]] std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace brainsurgery
