#include "formats/npy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/checked_math.h"
#include "base/json_text.h"
#include "brainsurgery/error.h"
#include "formats/little_endian.h"
#include "formats/safetensors.h"

namespace brainsurgery {

namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr std::size_t kFixedBytes = 8;  // magic and version
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kGrowthDigits = 21;  // numpy leaves room for the outermost dimension to grow in place

struct Descr {
  std::string_view text;  // without the byte order
  DType dtype;
};

constexpr std::array<Descr, 14> kDescrs = {{{"b1", DType::BOOL},
                                            {"i1", DType::I8},
                                            {"i2", DType::I16},
                                            {"i4", DType::I32},
                                            {"i8", DType::I64},
                                            {"u1", DType::U8},
                                            {"u2", DType::U16},
                                            {"u4", DType::U32},
                                            {"u8", DType::U64},
                                            {"f2", DType::F16},
                                            {"f4", DType::F32},
                                            {"f8", DType::F64},
                                            {"c8", DType::C64},
                                            {"c16", DType::C128}}};

// The dict of a header. Of Python's literals only those that a header can have are known: strings without escapes,
// True, False, and tuples of integers.
class DictReader {
 public:
  DictReader(std::string_view text, const std::string& context) : text_(text), context_(context) {}

  NpyHeader read();

 private:
  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorCode::run, context_ + ": " + reason); }
  [[noreturn]] void fail_syntax(const char* wanted) const {
    fail("the header has no " + std::string(wanted) + " at byte " + std::to_string(at_) + " of its dict");
  }
  void skip_blanks() {
    while (at_ < text_.size() && std::string_view(" \t\n\r\f").find(text_[at_]) != std::string_view::npos) ++at_;
  }
  [[nodiscard]] bool take(char wanted) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool take_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  [[nodiscard]] std::string_view string();
  [[nodiscard]] std::int64_t dimension();
  [[nodiscard]] Shape shape();
  void read_descr(NpyHeader& header);
  void skip_brackets();

  std::string_view text_;
  const std::string& context_;
  std::size_t at_ = 0;
};

NpyHeader DictReader::read() {
  NpyHeader header;
  bool has_descr = false, has_order = false, has_shape = false;
  if (!take('{')) fail_syntax("'{'");
  while (!take('}')) {
    const std::string_view key = string();
    if (!take(':')) fail_syntax("':'");
    bool* seen = key == "descr"           ? &has_descr
                 : key == "fortran_order" ? &has_order
                 : key == "shape"         ? &has_shape
                                          : nullptr;
    if (seen == nullptr) fail("the header has the unknown key " + in_quotes(key));
    if (std::exchange(*seen, true)) fail("the header has the key " + in_quotes(key) + " twice");
    if (seen == &has_descr) {
      read_descr(header);
    } else if (seen == &has_shape) {
      header.desc.shape = shape();
    } else {
      header.column_major = take_word("True");
      if (!header.column_major && !take_word("False")) fail_syntax("True or False");
    }
    if (take(',')) continue;
    if (!take('}')) fail_syntax("',' or '}'");
    break;
  }
  skip_blanks();
  if (at_ != text_.size()) fail("the header goes on after its dict");
  if (!has_descr) fail("the header has no 'descr'");
  if (!has_order) fail("the header has no 'fortran_order'");
  if (!has_shape) fail("the header has no 'shape'");
  return header;
}

std::string_view DictReader::string() {
  skip_blanks();
  const char quote = at_ < text_.size() ? text_[at_] : '\0';
  if (quote != '\'' && quote != '"') fail_syntax("string");
  const std::size_t begin = ++at_;
  while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\\' && text_[at_] != '\n') ++at_;
  if (at_ == text_.size() || text_[at_] != quote) fail_syntax("end of a string");
  return text_.substr(begin, at_++ - begin);
}

std::int64_t DictReader::dimension() {
  skip_blanks();
  const bool negative = take('-');
  std::int64_t dim = 0;
  const char* begin = text_.data() + at_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), dim);
  if (error == std::errc::invalid_argument || *begin == '-') fail_syntax("integer");
  if (error != std::errc()) fail("a dimension is above 2^63 - 1");
  if (negative) fail("a dimension is negative");
  if (*begin == '0' && end - begin > 1) fail_syntax("integer");  // no Python literal
  at_ += static_cast<std::size_t>(end - begin);
  if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2
  return dim;
}

Shape DictReader::shape() {
  if (!take('(')) fail_syntax("tuple");
  Shape shape;
  bool has_comma = true;  // "(3)" is a number in brackets
  while (!take(')')) {
    if (!has_comma) fail_syntax("','");
    if (shape.size() == kMaxRank) fail("it has more than " + std::to_string(kMaxRank) + " dimensions");
    shape.push_back(dimension());
    has_comma = take(',');
  }
  if (shape.size() == 1 && !has_comma) fail("the 'shape' of the header is not a tuple");
  return shape;
}

// Over what is between two brackets that belong together: the description of records.
void DictReader::skip_brackets() {
  std::size_t depth = 0;
  do {
    skip_blanks();
    if (at_ == text_.size()) fail_syntax("end of a bracket");
    const char c = text_[at_];
    if (c == '\'' || c == '"') {
      static_cast<void>(string());
      continue;
    }
    ++at_;
    if (c == '[' || c == '(' || c == '{') ++depth;
    if (c == ']' || c == ')' || c == '}') --depth;
  } while (depth > 0);
}

void DictReader::read_descr(NpyHeader& header) {
  const auto set_unreadable = [&](std::string form, std::string refusal) {
    header.unreadable = std::move(form);
    header.refusal = std::move(refusal);
  };
  skip_blanks();
  if (at_ < text_.size() && (text_[at_] == '[' || text_[at_] == '(' || text_[at_] == '{')) {
    skip_brackets();
    return set_unreadable("record array", "its elements are records, which are not read");
  }
  const std::string_view descr = string();
  std::string_view kind = descr;
  if (!kind.empty() && std::string_view("<>|=").find(kind.front()) != std::string_view::npos) {
    header.big_endian = kind.front() == '>';
    kind.remove_prefix(1);
  }
  if (kind.starts_with('O')) {
    return set_unreadable("object array",
                          "its elements are Python objects; reading them could run code, so they are not read");
  }
  if (kind.starts_with('V')) {
    return set_unreadable("array of " + in_quotes(descr),
                          "its elements are bytes without a type (" + in_quotes(descr) +
                              "), as bfloat16 and 8-bit floats become; save them as float32 or as integers");
  }
  const auto* found = std::find_if(kDescrs.begin(), kDescrs.end(), [&](const Descr& d) { return d.text == kind; });
  if (found == kDescrs.end()) {
    return set_unreadable("array of " + in_quotes(descr), "elements of type " + in_quotes(descr) + " are not read");
  }
  header.desc.dtype = found->dtype;
}

// Bytes of the elements; nullopt where they do not fit 64 bits.
std::optional<std::int64_t> size_of(const TensorDesc& desc) {
  std::optional<std::int64_t> bytes = item_size(desc.dtype);
  for (const std::int64_t dim : desc.shape) {
    if (bytes) bytes = try_multiply(*bytes, dim);
  }
  return bytes;
}

std::string dict_of(std::string_view order, std::string_view descr, const Shape& shape) {
  std::string dict = "{'descr': '" + std::string(order) + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) dict += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  dict += shape.size() == 1 ? ",), }" : "), }";
  if (!shape.empty()) {
    const std::size_t digits = std::to_string(shape.front()).size();
    dict.append(kGrowthDigits - std::min(digits, kGrowthDigits), ' ');
  }
  return dict;
}

}  // namespace

NpyHeader parse_npy_header(std::string_view head, std::int64_t content_size, const std::string& context) {
  NpyHeader header = parse_any_npy_header(head, content_size, context);
  if (!header.unreadable.empty()) throw Error(ErrorCode::run, context + ": " + header.refusal);
  return header;
}

NpyHeader parse_any_npy_header(std::string_view head, std::int64_t content_size, const std::string& context) {
  const auto fail = [&](const std::string& reason) { throw Error(ErrorCode::run, context + ": " + reason); };
  if (!head.starts_with(kNpyMagic)) fail("it does not begin with '\\x93NUMPY'");
  if (head.size() < kFixedBytes) fail("it ends inside the version (cut off?)");
  const int major = static_cast<unsigned char>(head[6]), minor = static_cast<unsigned char>(head[7]);
  if (major < 1 || major > 3 || minor != 0) {
    fail("version " + std::to_string(major) + "." + std::to_string(minor) + " is not read; 1.0, 2.0 and 3.0 are");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t begin = kFixedBytes + length_bytes;
  if (head.size() < begin) fail("it ends inside the length of its header (cut off?)");
  const auto length = static_cast<std::int64_t>(little_endian(head.substr(kFixedBytes, length_bytes)));
  if (length > content_size - static_cast<std::int64_t>(begin)) {
    fail("a header of " + std::to_string(length) + " bytes would end after the end of the file (cut off?)");
  }
  if (length > kMaxNpyHeader) {
    fail("a header of " + std::to_string(length) + " bytes is above the limit of " + std::to_string(kMaxNpyHeader));
  }
  NpyHeader header = DictReader(head.substr(begin, static_cast<std::size_t>(length)), context).read();
  header.data_begin = static_cast<std::int64_t>(begin) + length;
  const std::optional<std::int64_t> bytes = size_of(header.desc);
  if (!bytes) fail("the size of the shape " + to_string(header.desc.shape) + " overflows 64 bits");
  const std::int64_t data = content_size - header.data_begin;
  if (header.unreadable.empty() && *bytes != data) {
    fail(std::string(info(header.desc.dtype).name) + " " + to_string(header.desc.shape) + " needs " +
         std::to_string(*bytes) + " bytes of data, the file has " + std::to_string(data) +
         (data < *bytes ? " (cut off?)" : ""));
  }
  return header;
}

std::string npy_header(const TensorDesc& desc, std::string_view name) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::run, "a NumPy file cannot hold " + in_quotes(name) + ", which " + why);
  };
  const auto* found =
      std::find_if(kDescrs.begin(), kDescrs.end(), [&](const Descr& d) { return d.dtype == desc.dtype; });
  if (found == kDescrs.end()) refuse("is " + to_string(desc.dtype) + "; cast it first");
  const std::string dict = dict_of(item_size(desc.dtype) == 1 ? "|" : "<", found->text, desc.shape);
  const std::size_t before = kFixedBytes + 2 + dict.size() + 1;  // the last byte is a newline
  const std::size_t padding = kAlignment - before % kAlignment;  // a whole row of it where none is needed: numpy's way
  const std::size_t length = dict.size() + padding + 1;
  if (length > 0xFFFF) refuse("has " + std::to_string(desc.shape.size()) + " dimensions");
  std::string header(kNpyMagic);
  header += '\1';
  header += '\0';
  append_little_endian(header, length, 2);
  return header + dict + std::string(padding, ' ') + '\n';
}

}  // namespace brainsurgery
