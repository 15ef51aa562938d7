#include "plan/regex_engine.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <pcre2.h>
#include <re2/re2.h>

#include "base/text.h"
#include "brainsurgery/error.h"

namespace brainsurgery {
namespace {

// Calls of PCRE2's matcher. It does not tell how many it made, so a search begins with few and again with more.
constexpr std::int64_t kFirstCalls = 256;
constexpr std::int64_t kMoreCalls = 4;
constexpr std::int64_t kBytesPerUnit = 256;  // a call may look at the whole text

// Instructions of the expression times bytes of the text: what RE2 visits at worst, within half a second.
constexpr std::int64_t kMostRe2Work = std::int64_t{1} << 26;

// Counts make copies, and with many of them every byte of a name may lead RE2 to a state that it has not seen.
constexpr int kMostCountedSize = 400;

constexpr std::uint32_t kDepthLimit = 100'000;
constexpr std::uint32_t kHeapLimitKib = 64 * 1024;

// The texts that follow are printable ASCII, where a character is a byte and never a newline.
bool equals(std::string_view text, const std::vector<std::int16_t>& characters) {
  return text.size() == characters.size() &&
         std::equal(text.begin(), text.end(), characters.begin(), [](char c, std::int16_t wanted) {
           return wanted == PythonRegex::kAnyCharacter || static_cast<unsigned char>(c) == wanted;
         });
}

// What stands in the gap, if the text is of that form.
std::optional<std::string_view> in_gap(std::string_view text, const PythonRegex& regex) {
  const std::size_t before = regex.head.size(), after = regex.gap->tail.size();
  if (text.size() < before + after + static_cast<std::size_t>(regex.gap->least)) return std::nullopt;
  if (!equals(text.substr(0, before), regex.head)) return std::nullopt;
  if (!equals(text.substr(text.size() - after), regex.gap->tail)) return std::nullopt;
  return text.substr(before, text.size() - before - after);
}

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

struct Pcre2Delete {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
};
template <typename T>
using Pcre2Handle = std::unique_ptr<T, Pcre2Delete>;

PCRE2_SPTR bytes(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

class Pcre2 {
 public:
  explicit Pcre2(const std::string& pattern) {
    constexpr std::uint32_t kOptions =
        PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    Pcre2Handle<pcre2_compile_context> context(pcre2_compile_context_create(nullptr));
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile(bytes(pattern), pattern.size(), kOptions, &error, &offset, context.get()));
    if (code_ == nullptr) throw Error(ErrorCode::plan, pcre2_message(error));
    limits_.reset(pcre2_match_context_create(nullptr));
    pcre2_set_depth_limit(limits_.get(), kDepthLimit);
    pcre2_set_heap_limit(limits_.get(), kHeapLimitKib);
  }

  [[nodiscard]] std::optional<Captures> match(std::string_view text, MatchBudget& budget) const {
    Pcre2Handle<pcre2_match_data> data(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    Pcre2Handle<pcre2_match_context> limits(pcre2_match_context_copy(limits_.get()));
    const std::int64_t units_per_call = 1 + std::ssize(text) / kBytesPerUnit;
    int count = PCRE2_ERROR_MATCHLIMIT;
    for (std::int64_t calls = kFirstCalls; count == PCRE2_ERROR_MATCHLIMIT; calls *= kMoreCalls) {
      budget.spend(calls * units_per_call);
      pcre2_set_match_limit(limits.get(), static_cast<std::uint32_t>(calls));
      count = pcre2_match(code_.get(), bytes(text), text.size(), 0, 0, data.get(), limits.get());
    }
    if (count == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (count < 0) budget.give_up(pcre2_message(count));
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
    Captures captures(pcre2_get_ovector_count(data.get()));
    for (std::size_t i = 0; i < captures.size(); ++i) {
      PCRE2_SIZE start = ends[2 * i];
      if (start != PCRE2_UNSET) captures[i] = {text.substr(start, ends[2 * i + 1] - start), true, 1};
    }
    return captures;
  }

 private:
  Pcre2Handle<pcre2_code> code_;
  Pcre2Handle<pcre2_match_context> limits_;
};

RegexEngine::RegexEngine(std::string_view pattern) : regex_(translate_python_regex(pattern)) {
  if (is_plain()) return;
  if (!regex_.needs_backtracking) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    std::unique_ptr<const re2::RE2> compiled = std::make_unique<re2::RE2>(regex_.re2, options);
    // What is refused here is too large (nested counts); PCRE2 may still take it.
    if (compiled->ok() && (!regex_.counts || compiled->ProgramSize() <= kMostCountedSize)) re2_ = std::move(compiled);
  }
  if (re2_ == nullptr) (void)pcre2();
}

RegexEngine::~RegexEngine() = default;

const Pcre2& RegexEngine::pcre2() const {
  std::call_once(compile_pcre2_, [this] { pcre2_ = std::make_unique<const Pcre2>(regex_.pcre2); });
  return *pcre2_;
}

bool RegexEngine::runs_in_re2(std::string_view text) const {
  return re2_ != nullptr && std::ssize(text) <= kMostRe2Work / std::max(re2_->ProgramSize(), 1);
}

bool RegexEngine::matches(std::string_view text, MatchBudget& budget) const {
  const bool simple = !text.empty() && is_printable_ascii(text);
  if (simple && regex_.head_is_all) return equals(text, regex_.head);
  if (simple && regex_.gap) return in_gap(text, regex_).has_value();
  if (simple && runs_in_re2(text)) {
    return re2_->Match(text, 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
  }
  return pcre2().match(text, budget).has_value();
}

std::optional<Captures> RegexEngine::match(std::string_view text, MatchBudget& budget) const {
  const bool simple = !text.empty() && is_printable_ascii(text);
  if (simple && regex_.head_is_all) {
    return equals(text, regex_.head) ? std::optional(Captures{{text, true, 1}}) : std::nullopt;
  }
  if (simple && regex_.gap) {
    const std::optional<std::string_view> middle = in_gap(text, regex_);
    if (!middle) return std::nullopt;
    return regex_.gap->captured ? Captures{{text, true, 1}, {*middle, true, 1}} : Captures{{text, true, 1}};
  }
  if (!simple || !runs_in_re2(text)) return pcre2().match(text, budget);
  // Ten times faster without captures, and most names do not match.
  if (!re2_->Match(text, 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0)) return std::nullopt;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(regex_.group_count) + 1);
  if (!re2_->Match(text, 0, text.size(), re2::RE2::ANCHOR_BOTH, groups.data(), static_cast<int>(groups.size()))) {
    return std::nullopt;
  }
  Captures captures(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].data() != nullptr) captures[i] = {{groups[i].data(), groups[i].size()}, true, 1};
  }
  return captures;
}

}  // namespace brainsurgery
