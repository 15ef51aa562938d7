#include "describe/name_tree.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace brainsurgery {
namespace {

using Tensors = std::span<const DumpedTensor* const>;

// Segment by segment: the dot comes before all other characters, so that equal segments stand together, and before them
// the name that ends there.
bool by_segments(const DumpedTensor* a, const DumpedTensor* b) {
  const auto rank = [](char c) { return c == '.' ? -1 : static_cast<int>(static_cast<unsigned char>(c)); };
  return std::ranges::lexicographical_compare(a->name, b->name, [&](char x, char y) { return rank(x) < rank(y); });
}

std::optional<std::int64_t> index_of(std::string_view label) {
  constexpr std::size_t kMostDigits = 18;  // always fit
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (label.empty() || label.size() > kMostDigits || !std::ranges::all_of(label, is_digit)) return std::nullopt;
  std::int64_t value = 0;
  std::from_chars(label.data(), label.data() + label.size(), value);
  return value;
}

// Indices before words. Two spellings of one index, "1" and "01": only the shorter is one.
void put_in_order(std::vector<Branch>& children) {
  const auto is_index = [](const Branch& child) { return child.index.has_value(); };
  auto words = std::stable_partition(children.begin(), children.end(), is_index);
  std::sort(children.begin(), words, [](const Branch& a, const Branch& b) {
    return a.index != b.index ? a.index < b.index : a.label.size() < b.label.size();
  });
  std::optional<std::int64_t> last;
  for (auto child = children.begin(); child != words; ++child) {
    if (child->index == last) {
      child->index.reset();
    } else {
      last = child->index;
    }
  }
  words = std::stable_partition(children.begin(), words, is_index);
  // Which of two words comes first is for their first names to say, whose next character is a dot or the end.
  const auto first_name = [](const Branch& word) { return std::string(word.label) + (word.tensor ? "" : "."); };
  std::sort(words, children.end(), [&](const Branch& a, const Branch& b) { return first_name(a) < first_name(b); });
}

// The branches of names that are equal up to `offset`, where their segment number `depth` begins.
std::vector<Branch> grow(Tensors tensors, std::size_t offset, int depth) {
  std::vector<Branch> children;
  while (!tensors.empty()) {
    const std::string_view rest = std::string_view(tensors.front()->name).substr(offset);
    const bool may_branch = depth < kDeepestBranch;
    const std::size_t dot = may_branch ? rest.find('.') : std::string_view::npos;
    Branch& child = children.emplace_back(Branch{rest.substr(0, dot), {}, nullptr, {}});
    child.index = index_of(child.label);
    const std::size_t end = offset + child.label.size();
    if (dot == std::string_view::npos) {
      child.tensor = tensors.front();
      tensors = tensors.subspan(1);
    }
    const auto goes_on = [&](const DumpedTensor* tensor) {
      const std::string_view name = tensor->name;
      return may_branch && name.size() > end && name[end] == '.' &&
             name.substr(offset, child.label.size()) == child.label;
    };
    const auto others = std::ranges::find_if_not(tensors, goes_on);
    const auto count = static_cast<std::size_t>(others - tensors.begin());
    if (count > 0) child.children = grow(tensors.first(count), end + 1, depth + 1);
    tensors = tensors.subspan(count);
  }
  put_in_order(children);
  return children;
}

}  // namespace

Branch name_tree(std::span<const DumpedTensor> tensors) {
  std::vector<const DumpedTensor*> sorted;
  sorted.reserve(tensors.size());
  for (const DumpedTensor& tensor : tensors) sorted.push_back(&tensor);
  std::ranges::sort(sorted, by_segments);
  return {{}, {}, nullptr, grow(sorted, 0, 1)};
}

}  // namespace brainsurgery
