#include "formats/inspect_totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/text.h"
#include "base/units.h"
#include "formats/inspect.h"

namespace brainsurgery {
namespace {

struct Sum {
  std::string of;
  std::int64_t tensors = 0, elements = 0, bytes = 0;
};

bool is_index(std::string_view segment) {
  return !segment.empty() && std::ranges::all_of(segment, [](char c) { return c >= '0' && c <= '9'; });
}

// The largest first.
std::vector<Sum> sums_by(const std::vector<const TensorEntry*>& tensors,
                         const std::function<std::string(const TensorEntry&)>& key) {
  std::map<std::string, Sum> sums;
  for (const TensorEntry* tensor : tensors) {
    Sum& sum = sums[key(*tensor)];
    ++sum.tensors;
    sum.elements = capped_sum(sum.elements, element_count(tensor->desc.shape));
    sum.bytes = capped_sum(sum.bytes, stored_bytes(*tensor));
  }
  std::vector<Sum> sorted;
  for (auto& [name, sum] : sums) sorted.push_back({name, sum.tensors, sum.elements, sum.bytes});
  std::ranges::stable_sort(sorted, std::ranges::greater(), &Sum::bytes);
  return sorted;
}

constexpr int kBar = 20;  // columns

std::string bar_of(double share) {
  std::string bar;
  for (int i = 0; i < static_cast<int>(share * kBar + 0.5); ++i) bar += "█";
  return bar.empty() ? "" : "  " + bar;
}

std::string lines_of(const char* title, std::vector<Sum> sums, int columns) {
  constexpr std::size_t kMostLines = 40;
  constexpr int kNumbers = 54;  // columns
  std::int64_t bytes = 0;
  for (const Sum& sum : sums) bytes = capped_sum(bytes, sum.bytes);
  if (sums.size() > kMostLines) {
    Sum others{fmt::format("... {} others", sums.size() - kMostLines + 1)};
    for (std::size_t i = kMostLines - 1; i < sums.size(); ++i) {
      others.tensors += sums[i].tensors;
      others.elements = capped_sum(others.elements, sums[i].elements);
      others.bytes = capped_sum(others.bytes, sums[i].bytes);
    }
    sums.resize(kMostLines - 1);
    sums.push_back(std::move(others));
  }
  std::size_t width = std::char_traits<char>::length(title);
  for (Sum& sum : sums) {
    sum.of = escape_for_terminal(sum.of);
    width = std::max(width, sum.of.size());
  }
  const bool bars = columns == 0 || static_cast<int>(width) + kNumbers + kBar < columns;
  std::string text = fmt::format("{:<{}}  {:>8}  {:>16}  {:>10}  {:>6}\n", title, width, "tensors", "parameters", "bytes", "share");
  for (const Sum& sum : sums) {
    const double share = bytes == 0 ? 0 : static_cast<double>(sum.bytes) / static_cast<double>(bytes);
    text += fmt::format("{:<{}}  {:>8}  {:>16}  {:>10}  {:>5.1f}%", sum.of, width, sum.tensors, sum.elements,
                        format_size(sum.bytes), 100 * share);
    text += (bars ? bar_of(share) : "") + "\n";
  }
  return text;
}

}  // namespace

std::string module_of(std::string_view name) {
  std::string module;
  int behind_index = -1;  // segments behind the first index; -1: there was none
  while (true) {
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return module.empty() ? std::string(name) : module;
    const std::string_view segment = name.substr(0, dot);
    if (behind_index >= 0) ++behind_index;
    if (behind_index > 1) return module;
    module += (module.empty() ? "" : ".") + (is_index(segment) ? "*" : std::string(segment));
    if (is_index(segment) && behind_index < 0) behind_index = 0;
    name.remove_prefix(dot + 1);
  }
}

std::string totals_text(const std::vector<const TensorEntry*>& tensors, int columns) {
  const auto by_dtype = sums_by(tensors, [](const TensorEntry& tensor) { return std::string(stored_type(tensor)); });
  const auto by_module = sums_by(tensors, [](const TensorEntry& tensor) { return module_of(tensor.name); });
  return lines_of("dtype", by_dtype, columns) + "\n" + lines_of("module", by_module, columns) + "\n";
}

}  // namespace brainsurgery
