// What is odd about a checkpoint, from what is known of each of its tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/run.h"

namespace brainsurgery::web {

// What a report reads of one tensor.
struct TensorRecord {
  TensorInfo tensor;
  TensorOrigin origin;
  ElementSummary elements;
  std::optional<Histogram> histogram;
  std::int64_t outliers = 0;   // finite elements further than kSigmas standard deviations from the mean
  std::int64_t dead_rows = 0;  // of a matrix: all zeros
  std::optional<double> change;  // relative, to the tensor of that name in the other checkpoint
};
inline constexpr double kSigmas = 8;

struct Anomaly {
  std::string kind;  // "NaN", "gap in numbering"
  std::string what;  // a sentence without its end
  std::vector<std::string> names;
};

// The name with its first number as '*', and that number: "h.*.attn.weight" and 3. nullopt: it has none between dots or
// underscores.
struct NumberedName {
  std::string kind;
  std::int64_t number;
};
[[nodiscard]] std::optional<NumberedName> numbered(const std::string& name);

// Those that values show of a tensor alone: NaN, Inf, dead rows, outliers.
// Those that names and headers show: gaps in numbering, dtypes and shapes unlike those of the same kind, tied tensors.
[[nodiscard]] std::vector<Anomaly> anomalies_of(const std::vector<TensorRecord>& records);

// Pairs of tensors that may well hold the same elements, by what is known of them, and are not tied.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> likely_duplicates(const std::vector<TensorRecord>& records);

}  // namespace brainsurgery::web
