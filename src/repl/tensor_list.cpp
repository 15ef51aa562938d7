#include "repl/tensor_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"
#include "base/text.h"
#include "base/units.h"
#include "describe/dump_text.h"
#include "plan/hints.h"
#include "plan/name_pattern.h"

namespace brainsurgery {
namespace {

std::string total_of(std::int64_t tensors, std::int64_t elements, std::int64_t bytes) {
  return fmt::format("{}, {}, {}\n", counted(tensors, "tensor"), counted(elements, "parameter"), format_size(bytes));
}

// Meta tensors have any number of elements; a sum that is no number any more stays at its end.
class Total {
 public:
  void add(const TensorInfo& tensor) {
    ++tensors_;
    elements_ = capped(elements_, element_count(tensor.shape));
    bytes_ = capped(bytes_, tensor.bytes.value_or(0));
  }
  [[nodiscard]] std::string text() const { return total_of(tensors_, elements_, bytes_); }

 private:
  static std::int64_t capped(std::int64_t a, std::int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }
  std::int64_t tensors_ = 0, elements_ = 0, bytes_ = 0;
};

Error no_match(Run& run, const std::string& alias, const TensorRef& pattern) {
  const auto names = run.names(alias);
  NearestNames near(unescaped(pattern.expr), 3);
  std::vector<std::string> notes;
  if (names.ok()) {
    for (const std::string& name : names.value()) near.offer(name);
  }
  for (const std::string& name : near.result()) notes.push_back(fmt::format("did you mean '{}'?", name));
  return {ErrorCode::plan, fmt::format("no tensor matches '{}::{}'", alias, pattern.expr), {}, std::move(notes)};
}

}  // namespace

TensorRef reference_of(const Run& run, const std::string& text) {
  const Outcome<std::vector<std::string>> aliases = run.aliases();
  if (!aliases.ok()) throw aliases.error();
  const bool one = aliases.value().size() == 1;
  TensorRef ref = parse_tensor_ref(text, {}, "name", one);
  if (!ref.alias && one) ref.alias = aliases.value().front();
  return ref;
}

std::vector<ListedTensor> matching_tensors(Run& run, const TensorRef& pattern) {
  const std::string alias = pattern.alias.value_or("");
  Outcome<std::vector<TensorInfo>> tensors = run.tensors(alias);
  if (!tensors.ok()) throw tensors.error();
  const NamePattern names = NamePattern::compile(pattern, "name");
  MatchBudget budget;
  std::vector<ListedTensor> found, begins;
  for (TensorInfo& tensor : tensors.value()) {
    if (names.matches(tensor.name, budget)) {
      found.push_back({alias, std::move(tensor)});
    } else if (tensor.name.starts_with(pattern.expr)) {
      begins.push_back({alias, std::move(tensor)});
    }
  }
  if (found.empty() && begins.empty()) throw no_match(run, alias, pattern);
  return found.empty() ? begins : found;
}

std::string table_of(std::vector<ListedTensor> tensors, bool with_alias) {
  std::ranges::stable_sort(tensors, naturally_less, [](const ListedTensor& tensor) { return std::string_view(tensor.info.name); });
  std::size_t dtype_width = 0, shape_width = 0;
  for (const auto& [alias, info] : tensors) {
    dtype_width = std::max(dtype_width, info.dtype.size());
    shape_width = std::max(shape_width, to_string(info.shape).size());
  }
  std::string text;
  Total total;
  for (const auto& [alias, info] : tensors) {
    total.add(info);
    text += fmt::format("{:<{}}  {:<{}}  {:>9}  {}\n", info.dtype, dtype_width, to_string(info.shape), shape_width,
                        info.bytes ? format_size(*info.bytes) : "",
                        escape_for_terminal(with_alias ? alias + "::" + info.name : info.name));
  }
  return text + total.text();
}

std::string tree_of(const std::string& alias, const std::vector<TensorInfo>& tensors) {
  std::vector<DumpedTensor> shown;
  Total total;
  for (const TensorInfo& tensor : tensors) {
    total.add(tensor);
    DumpedTensor& dumped = shown.emplace_back();
    dumped.name = tensor.name;
    dumped.desc.shape = tensor.shape;
    dumped.stored_type = tensor.dtype;
  }
  std::string text;
  for (const std::string& line : dump_lines(DumpLayout::compact, alias, shown)) text += escape_for_terminal(line) + "\n";
  return text + total.text();
}

}  // namespace brainsurgery
