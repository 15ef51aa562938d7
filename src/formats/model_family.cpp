#include "formats/model_family.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

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

}  // namespace

bool is_model_file(std::string_view name) {
  return is_family(name, "model", ".safetensors") || name == "model.safetensors.index.json";
}

bool is_other_model_file(std::string_view name) {
  return is_family(name, "pytorch_model", ".bin") || name == "pytorch_model.bin.index.json";
}

bool is_trainer_file(std::string_view name) {
  constexpr std::array<std::string_view, 9> kStems{"optimizer",    "optim",         "scheduler",
                                                   "lr_scheduler", "scaler",        "rng_state",
                                                   "random_state", "random_states", "training_args"};
  if (name.ends_with("_optim_states.pt")) return true;
  return std::ranges::any_of(kStems, [name](std::string_view stem) {
    if (!name.starts_with(stem)) return false;
    const std::string_view rest = name.substr(stem.size());
    return rest.starts_with('.') || rest.starts_with('_') || rest.starts_with('-');
  });
}

std::optional<std::string> missing_shard(std::span<const std::string> names) {
  using Set = std::tuple<std::string, std::string, std::string>;  // what stands before the number, and after it
  std::map<Set, std::set<std::string>> sets;
  for (const std::string& name : names) {
    const std::size_t end = name.rfind('.');
    if (end == std::string::npos || end < kNumberingBytes) continue;
    const std::size_t begin = end - kNumberingBytes;
    if (!is_numbering(std::string_view(name).substr(begin, kNumberingBytes))) continue;
    sets[{name.substr(0, begin + 1), name.substr(begin + 10, 5), name.substr(begin + 6)}].insert(
        name.substr(begin + 1, 5));
  }
  for (const auto& [set, numbers] : sets) {
    const auto& [before, count, after] = set;
    const int first = numbers.contains("00000") ? 0 : 1;
    for (int i = first; i < first + std::stoi(count); ++i) {
      const std::string number = fmt::format("{:05}", i);
      if (!numbers.contains(number)) return before + number + after;
    }
  }
  return std::nullopt;
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
