#include "web/anomalies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"

namespace brainsurgery::web {
namespace {

using Records = std::vector<TensorRecord>;

constexpr std::size_t kMostDigits = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_joint(char c) { return c == '.' || c == '_'; }

void add_counts(const Records& records, std::int64_t (*count)(const TensorRecord&), const char* kind, const char* noun,
                std::vector<Anomaly>& found) {
  for (const TensorRecord& record : records) {
    if (const std::int64_t many = count(record); many > 0)
      found.push_back({kind, fmt::format("{} in {}", counted(many, noun), to_string(record.tensor.shape)), {record.tensor.name}});
  }
}

// Numbers below the largest one of a kind that it lacks.
void add_gaps(const Records& records, std::vector<Anomaly>& found) {
  std::map<std::string, std::set<std::int64_t>> kinds;
  for (const TensorRecord& record : records) {
    if (const auto name = numbered(record.tensor.name)) kinds[name->kind].insert(name->number);
  }
  for (const auto& [kind, numbers] : kinds) {
    constexpr std::size_t kMostListed = 20;
    std::vector<std::int64_t> missing;
    std::int64_t expected = 0;
    for (const std::int64_t number : numbers) {
      for (; expected < number && missing.size() < kMostListed; ++expected) missing.push_back(expected);
      expected = number + 1;
    }
    if (numbers.size() > 1 && !missing.empty())
      found.push_back({"gap in numbering", fmt::format("{} numbers, without {}", numbers.size(), fmt::join(missing, ", ")), {kind}});
  }
}

// Few of a kind that differ from most of it.
void add_unlike(const Records& records, std::string (*trait)(const TensorRecord&), const char* kind,
                std::vector<Anomaly>& found) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> kinds;
  for (const TensorRecord& record : records) {
    if (const auto name = numbered(record.tensor.name)) kinds[name->kind][trait(record)].push_back(record.tensor.name);
  }
  for (const auto& [of, traits] : kinds) {
    if (traits.size() < 2) continue;
    const auto usual = std::ranges::max_element(traits, {}, [](const auto& entry) { return entry.second.size(); });
    for (const auto& [value, names] : traits) {
      if (value != usual->first) found.push_back({kind, fmt::format("{}, while most of {} are {}", value, of, usual->first), names});
    }
  }
}

void add_tied(const Records& records, std::vector<Anomaly>& found) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<std::string>> places;
  for (const TensorRecord& record : records) {
    if (!record.origin.file.empty() && record.tensor.bytes.value_or(0) > 0)
      places[{record.origin.file, record.origin.offset}].push_back(record.tensor.name);
  }
  for (const auto& [place, names] : places) {
    if (names.size() > 1)
      found.push_back({"tied", fmt::format("one place in the file, byte {}", place.second), names});
  }
}

}  // namespace

std::optional<NumberedName> numbered(const std::string& name) {
  for (std::size_t first = 0; first < name.size();) {
    if (!is_digit(name[first]) || (first > 0 && !is_joint(name[first - 1]))) {
      ++first;
      continue;
    }
    std::size_t end = first;
    while (end < name.size() && is_digit(name[end])) ++end;
    if ((end == name.size() || is_joint(name[end])) && end - first <= kMostDigits)
      return NumberedName{name.substr(0, first) + "*" + name.substr(end), std::stoll(name.substr(first, end - first))};
    first = end;
  }
  return std::nullopt;
}

std::vector<Anomaly> anomalies_of(const Records& records) {
  std::vector<Anomaly> found;
  add_counts(records, [](const TensorRecord& record) { return record.elements.nan; }, "NaN", "element", found);
  add_counts(records, [](const TensorRecord& record) { return record.elements.infinite; }, "infinite", "element", found);
  add_counts(records, [](const TensorRecord& record) { return record.dead_rows; }, "dead rows", "row", found);
  add_counts(records, [](const TensorRecord& record) { return record.outliers; }, "outliers", "element", found);
  add_unlike(records, [](const TensorRecord& record) { return record.tensor.dtype; }, "odd dtype", found);
  add_unlike(records, [](const TensorRecord& record) { return to_string(record.tensor.shape); }, "odd size", found);
  add_gaps(records, found);
  add_tied(records, found);
  return found;
}

std::vector<std::pair<std::string, std::string>> likely_duplicates(const Records& records) {
  const auto key = [](const TensorRecord& record) {
    const ElementSummary& elements = record.elements;
    return std::tuple(record.tensor.shape, record.tensor.dtype, elements.min, elements.max, elements.mean, elements.l2, elements.zeros);
  };
  std::map<decltype(key(records.front())), const TensorRecord*> first;
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const TensorRecord& record : records) {
    // Constants, as norms of a model that is not trained, are alike without a reason.
    if (!record.elements.min || record.elements.min == record.elements.max || record.elements.nan > 0) continue;
    const auto [at, is_new] = first.emplace(key(record), &record);
    const bool tied = record.origin.file == at->second->origin.file && record.origin.offset == at->second->origin.offset;
    if (!is_new && !tied) pairs.emplace_back(at->second->tensor.name, record.tensor.name);
  }
  return pairs;
}

}  // namespace brainsurgery::web
