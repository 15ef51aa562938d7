#include "base/sha256.h"

#include <openssl/evp.h>

#include <string_view>

#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

void require(int result) {
  if (result != 1) throw Error(ErrorCode::run, "the system's SHA-256 is not available");
}

}  // namespace

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  require(EVP_DigestInit_ex(context_->md.get(), EVP_sha256(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context_->md.get(), bytes.data(), bytes.size()));
}

Sha256Digest Sha256::digest() {
  Sha256Digest digest{};
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(context_->md.get(), reinterpret_cast<unsigned char*>(digest.data()), &size));
  require(EVP_DigestInit_ex(context_->md.get(), EVP_sha256(), nullptr));
  return digest;
}

bool is_digest(std::string_view text) {
  constexpr std::size_t kHexDigits = 64;
  return text.starts_with(kDigestPrefix) && text.size() == kDigestPrefix.size() + kHexDigits &&
         text.substr(kDigestPrefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string to_hex(const Sha256Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::byte byte : digest) {
    hex.push_back(kDigits[std::to_integer<std::size_t>(byte >> 4)]);
    hex.push_back(kDigits[std::to_integer<std::size_t>(byte & std::byte{0xF})]);
  }
  return hex;
}

}  // namespace brainsurgery
