#include "formats/pickle_text.h"

#include <algorithm>

#include "base/numbers.h"
#include "brainsurgery/types.h"

namespace brainsurgery {

namespace {

using Kind = PickleNode::Kind;

constexpr std::size_t kMaxShownText = 4096;       // bytes of a value that is no text
constexpr std::size_t kMaxIntegerBytes = 64;  // as many digits take quadratic time
constexpr int kMaxNesting = 20;

// Decimal digits of a little-endian two's complement number.
std::string decimal(std::string_view bytes) {
  std::string magnitude(bytes.rbegin(), bytes.rend());
  const bool negative = (static_cast<unsigned char>(magnitude.front()) & 0x80) != 0;
  if (negative) {
    for (char& c : magnitude) c = static_cast<char>(~c);
    for (auto c = magnitude.rbegin(); c != magnitude.rend() && ++*c == 0;) ++c;
  }
  std::string digits;
  while (std::ranges::any_of(magnitude, [](char c) { return c != 0; })) {
    unsigned remainder = 0;
    for (char& c : magnitude) {
      const unsigned part = remainder * 256 + static_cast<unsigned char>(c);
      c = static_cast<char>(part / 10);
      remainder = part % 10;
    }
    digits.push_back(static_cast<char>('0' + remainder));
  }
  if (negative) digits.push_back('-');
  std::ranges::reverse(digits);
  return digits;
}

// repr() of a str, or of bytes.
std::string quoted(std::string_view text, bool is_bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string result = is_bytes ? "b" : "";
  result += quote;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      result += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (byte < 0x20 || byte == 0x7F || (is_bytes && byte > 0x7F)) {
      result += "\\x";
      result += kHex[byte >> 4];
      result += kHex[byte & 15];
    } else {
      result += c;
    }
  }
  return result + quote;
}

class Writer {
 public:
  explicit Writer(const PickleTree& tree) : tree_(tree) {}

  // str() and repr() differ for texts only.
  std::optional<std::string> write(PickleRef ref, int nesting) const {
    const PickleNode& node = tree_[ref];
    switch (node.kind) {
      case Kind::none:
        return "None";
      case Kind::boolean:
        return node.integer != 0 ? "True" : "False";
      case Kind::integer:
        return std::to_string(node.integer);
      case Kind::big_integer:
        return node.size > kMaxIntegerBytes ? std::nullopt : std::optional(decimal(node.text()));
      case Kind::real:
        return python_float(node.number);
      case Kind::text:
      case Kind::bytes:
        return node.size > kMaxShownText ? std::nullopt : std::optional(quoted(node.text(), node.kind == Kind::bytes));
      case Kind::tuple:
        return items(node, nesting, "(", node.size == 1 ? ",)" : ")");
      case Kind::global:
        return global(node.text());
      case Kind::object: {
        const std::span<const PickleRef> arguments = tree_.arguments(ref);
        if (tree_.callee(ref) == "_codecs.encode") return encoded(tree_[arguments[0]].text());
        if (tree_.callee(ref) != "torch.Size" || arguments.size() != 1 || tree_[arguments[0]].kind != Kind::tuple)
          return std::nullopt;
        return items(tree_[arguments[0]], nesting, "torch.Size([", "])");
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<std::string> items(const PickleNode& node, int nesting, std::string_view begin,
                                   std::string_view end) const {
    if (nesting == kMaxNesting) return std::nullopt;
    std::string text(begin);
    const char* separator = "";
    for (const PickleRef item : node.items()) {
      const std::optional<std::string> part = write(item, nesting + 1);
      if (!part || text.size() + part->size() > kMaxShownText) return std::nullopt;
      text += separator + *part;
      separator = ", ";
    }
    return text + std::string(end);
  }
  // Bytes in the protocols that have none: a text of as many characters.
  static std::optional<std::string> encoded(std::string_view text) {
    if (text.size() > kMaxShownText) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < 0x80) {
        bytes += text[i];
      } else if ((byte == 0xC2 || byte == 0xC3) && i + 1 < text.size()) {
        bytes += static_cast<char>((byte << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F));
      } else {
        return std::nullopt;
      }
    }
    return quoted(bytes, true);
  }
  // dtypes have a name of their own.
  static std::optional<std::string> global(std::string_view name) {
    constexpr std::string_view kTorch = "torch.";
    if (!name.starts_with(kTorch) || !dtype_from_torch(name.substr(kTorch.size()))) return std::nullopt;
    return std::string(name);
  }

  const PickleTree& tree_;
};

}  // namespace

std::optional<std::string> python_text(const PickleTree& tree, PickleRef ref) {
  if (tree[ref].kind == Kind::text) return std::string(tree[ref].text());
  return Writer(tree).write(ref, 0);
}

}  // namespace brainsurgery
