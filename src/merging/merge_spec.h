// What a user writes of a merge.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/schema.h"
#include "merging/merge_method.h"
#include "merging/merge_parameters.h"

namespace brainsurgery::merging {

using ParameterValues = std::map<std::string, ParameterValue, std::less<>>;

struct ModelSpec {
  TensorRef of;
  std::optional<TensorRef> statistics;
  ParameterValues values;
};

// What is done with a tensor that the models have in several shapes, or that one of them lacks.
enum class OnMismatch : std::uint8_t { fail, copy, skip, align };
enum class OnMissing : std::uint8_t { fail, copy, skip, others };
enum class ReportDetail : std::uint8_t { counts, full };

struct MergeSpec {
  std::optional<std::string> method_name;
  const MergeMethod* method = nullptr;
  std::optional<TensorRef> base;
  std::vector<ModelSpec> models;
  TensorRef to;
  ParameterValues values;  // for all models
  std::optional<DType> in, dtype;
  std::int64_t seed = 0;
  Consistency consistency = Consistency::papers;
  OnMismatch on_mismatch = OnMismatch::fail;
  OnMissing on_missing = OnMissing::fail;
  ReportDetail report = ReportDetail::counts;

  // The field of a model in messages.
  [[nodiscard]] static std::string field_of(std::size_t model) { return "merge.models[" + std::to_string(model) + "]"; }
};

[[nodiscard]] SchemaBuilder<MergeSpec> merge_schema();

}  // namespace brainsurgery::merging
