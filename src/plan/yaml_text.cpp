#include "plan/yaml_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace brainsurgery {
namespace {

// Source: YAML 1.1, section 5.1 (c-printable).
bool printable(char32_t c) {
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) || c == 0x85 ||
         (c >= 0xa0 && c != 0xfffe && c != 0xffff);
}

SourceSpan span_at(const std::shared_ptr<const SourceText>& source, std::size_t offset) {
  std::string_view before = std::string_view(source->text).substr(0, offset);
  std::size_t newline = before.rfind('\n');
  std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  return {source, static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(offset - start) + 1, 1};
}

// Behind blanks, comments, and a "---".
std::size_t first_content(std::string_view text) {
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (at < text.size()) {
    if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at, 3) == "---") {
      at += 3;
    } else if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n') {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

}  // namespace

std::optional<Diagnostic> find_bad_character(const std::shared_ptr<const SourceText>& source) {
  std::string_view text = source->text;
  auto problem = [&](std::size_t offset, std::string message) {
    return Diagnostic{Severity::error, span_at(source, offset), std::move(message), {}};
  };
  for (std::size_t at = 0; at < text.size();) {
    unsigned char byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte < 0x7f) {
      ++at;
      continue;
    }
    CodePoint point = decode_utf8(text.substr(at));
    if (!point.valid) return problem(at, fmt::format("byte 0x{:02x} is not valid UTF-8", byte));
    if (!printable(point.value)) {
      return problem(at, fmt::format("control character U+{:04X}", static_cast<std::uint32_t>(point.value)));
    }
    if (byte == '\r' && text.substr(at + 1, 1) != "\n") {
      return problem(at, "carriage return without line feed; end lines by LF or CR LF");
    }
    at += static_cast<std::size_t>(point.length);
  }
  std::size_t first = first_content(text);
  if (first < text.size() && text[first] == ',') return problem(first, "a document cannot start with ','");
  return std::nullopt;
}

std::string mask_questions(std::string_view text) {
  std::string masked(text);
  std::replace(masked.begin(), masked.end(), '?', kMaskedQuestion);
  return masked;
}

std::string unmask_questions(std::string value, std::string_view raw) {
  std::size_t mark = value.find(kMaskedQuestion);
  if (mark == std::string::npos) return value;
  if (!raw.starts_with('"')) {
    std::replace(value.begin(), value.end(), kMaskedQuestion, '?');
    return value;
  }
  // Marks in the value come from marks and from escapes in the raw text, in the same order.
  std::size_t at = 1;
  for (; mark != std::string::npos; mark = value.find(kMaskedQuestion, mark + 1)) {
    while (at < raw.size() && raw[at] != kMaskedQuestion) {
      std::string_view escape = raw.substr(at);
      if (escape.starts_with("\\x01") || escape.starts_with("\\u0001") || escape.starts_with("\\U00000001")) break;
      at += escape[0] == '\\' ? 2 : 1;
    }
    if (at < raw.size() && raw[at] == kMaskedQuestion) value[mark] = '?';
    at += 1;
  }
  return value;
}

std::string mend_escapes(std::string value) {
  if (is_valid_utf8(value)) return value;
  std::string mended;
  for (std::string_view rest = value; !rest.empty();) {
    const CodePoint point = decode_utf8(rest);
    if (!point.valid) mended += '\xc2';
    mended += rest.substr(0, static_cast<std::size_t>(point.length));
    rest.remove_prefix(static_cast<std::size_t>(point.length));
  }
  return mended;
}

LineTable::LineTable(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::size_t LineTable::offset(int line, int column) const {
  std::size_t index = static_cast<std::size_t>(line);
  if (index >= starts_.size()) return text_.size();
  return std::min(starts_[index] + static_cast<std::size_t>(column), text_.size());
}

std::string_view LineTable::line(int line) const {
  std::size_t start = offset(line, 0);
  return text_.substr(start, text_.find('\n', start) - start);
}

}  // namespace brainsurgery
