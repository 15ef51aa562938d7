#include "formats/model_family.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>

#include "base/ascii.h"
#include "brainsurgery/error.h"
#include "formats/safetensors_index.h"

namespace brainsurgery {
namespace {

bool is_number(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::size_t kNumberingBytes = 15;

// "-ddddd-of-ddddd"
bool is_numbering(std::string_view text) {
  return text.size() == kNumberingBytes && text[0] == '-' && is_number(text.substr(1, 5)) &&
         text.substr(6, 4) == "-of-" && is_number(text.substr(10, 5));
}

// STEM + SUFFIX, or STEM-ddddd-of-ddddd + SUFFIX.
bool is_family(std::string_view name, std::string_view stem, std::string_view suffix) {
  if (!name.starts_with(stem) || !name.ends_with(suffix) || name.size() < stem.size() + suffix.size()) return false;
  const std::string_view middle = name.substr(stem.size(), name.size() - stem.size() - suffix.size());
  return middle.empty() || is_numbering(middle);
}

constexpr std::size_t kMaxPartDigits = 9;

bool is_separator(char c) { return c == '-' || c == '_' || c == '.'; }

// "model-00001-of-00002.bf16.safetensors": before is "model-", after "-of-00002.bf16.safetensors".
struct PartName {
  std::string_view before, after;
  std::int64_t number = 0, count = 0;
  std::size_t digits = 0;  // of the number
  bool is_even = false;    // the count has as many
};

std::optional<std::int64_t> parse_part_number(std::string_view digits) {
  std::int64_t value = 0;
  if (digits.empty() || digits.size() > kMaxPartDigits) return std::nullopt;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// Taken apart at an "of" between two numbers; separators may stand around it.
std::optional<PartName> parse_part_at(std::string_view name, std::size_t of) {
  std::size_t end = of, begin = of + 2;
  if (end > 0 && is_separator(name[end - 1])) --end;
  if (begin < name.size() && is_separator(name[begin])) ++begin;
  std::size_t first = end, last = begin;
  while (first > 0 && is_digit(name[first - 1])) --first;
  while (last < name.size() && is_digit(name[last])) ++last;
  const auto number = parse_part_number(name.substr(first, end - first));
  const auto count = parse_part_number(name.substr(begin, last - begin));
  if (!number || !count || *number > *count) return std::nullopt;
  const std::size_t digits = end - first;
  return PartName{name.substr(0, first), name.substr(end), *number, *count, digits, digits == last - begin};
}

std::optional<PartName> parse_part(std::string_view name) {
  const std::size_t begin = name.rfind('/') + 1;  // 0 without a folder
  for (std::size_t of = name.rfind("of"); of != std::string_view::npos && of > begin; of = name.rfind("of", of - 1)) {
    if (const auto part = parse_part_at(name, of)) return part;
  }
  return std::nullopt;
}

}  // namespace

bool is_model_file(std::string_view name) {
  return is_family(name, "model", ".safetensors") || name == "model.safetensors.index.json";
}

bool is_other_model_file(std::string_view name) {
  return is_family(name, "pytorch_model", ".bin") || name == "pytorch_model.bin.index.json";
}

bool is_trainer_file(std::string_view name) {
  constexpr std::array<std::string_view, 11> kStems{"optimizer",     "optim",     "scheduler",    "lr_scheduler",
                                                    "scaler",        "rng_state", "random_state", "random_states",
                                                    "training_args", "sampler",   "dl_state_dict"};
  if (name.ends_with("_optim_states.pt")) return true;
  return std::ranges::any_of(kStems, [name](std::string_view stem) {
    if (!name.starts_with(stem)) return false;
    const std::string_view rest = name.substr(stem.size());
    return rest.starts_with('.') || rest.starts_with('_') || rest.starts_with('-');
  });
}

bool is_numbered_part(std::string_view name) { return parse_part(name).has_value(); }

std::vector<MissingPart> missing_parts(std::span<const std::string> names) {
  struct Set {
    std::set<std::int64_t> numbers;
    std::size_t digits = kMaxPartDigits;  // of the shortest number
    bool is_even = false;
    std::string_view member;
  };
  std::map<std::tuple<std::string_view, std::string_view, std::int64_t>, Set> sets;
  for (const std::string& name : names) {
    const std::optional<PartName> part = parse_part(name);
    if (!part) continue;
    Set& set = sets[{part->before, part->after, part->count}];
    set.numbers.insert(part->number);
    set.digits = std::min(set.digits, part->digits);
    set.is_even = set.is_even || part->is_even;
    set.member = name;
  }
  std::vector<MissingPart> missing;
  for (const auto& [key, set] : sets) {
    const auto& [before, after, count] = key;
    const std::int64_t first = set.numbers.contains(0) ? 0 : 1;
    for (std::int64_t i = first; i < first + count; ++i) {
      if (set.numbers.contains(i)) continue;
      missing.push_back({fmt::format("{}{:0{}}{}", before, i, set.digits, after), std::string(set.member),
                         set.is_even || set.numbers.size() > 1});
      break;
    }
  }
  return missing;
}

std::vector<std::string> indexed_files(Env& env, const std::string& directory) {
  const std::string path = directory + "/model.safetensors.index.json";
  try {
    const std::optional<FileStatus> status = env.status(path);
    if (!status || status->kind != FileStatus::Kind::regular) return {};
    return parse_index(env.read_text(path, kMaxIndexBytes), "'" + path + "'").files;
  } catch (const Error&) {
    return {};  // an unreadable index names nothing; the file itself is replaced as one of the family
  }
}

}  // namespace brainsurgery
