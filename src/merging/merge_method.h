// Methods of the step `merge` as data: a row has what a method is for, where it was published, what it takes, and the
// function that makes the merged tensor of the others. Step, help and documentation look the row up; none of them knows a
// method by name.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "brainsurgery/expr.h"

namespace brainsurgery::merging {

// A parameter that some methods have. Those of one name mean the same in all of them.
struct MergeParameter {
  std::string_view name;
  bool per_model;  // one value for each model, or for all that give none
  std::string_view meaning;
  std::vector<std::string_view> choices = {};  // in their order the values 0, 1, ...; none: it is a number
};
[[nodiscard]] std::span<const MergeParameter> merge_parameters();

// A parameter of a method with the value that it has without being given.
struct MethodParameter {
  std::string_view name;
  std::optional<double> otherwise = std::nullopt;          // nullopt: it must be given
  std::optional<double> in_mergekit = std::nullopt;  // the default there, where it is another one
};

enum class Consistency : std::uint8_t { papers, mergekit };

// Tensors of one name, all of one shape and of the dtype that is computed in.
struct MergeInputs {
  Expr base;  // empty: there is none
  std::vector<Expr> models;
  std::vector<Expr> statistics;  // one beside each model, of methods that need them
  Consistency consistency = Consistency::papers;
  // The value of a parameter of the method. Of one per model that of the model.
  std::function<double(std::string_view parameter)> shared;
  std::function<double(std::string_view parameter, std::size_t model)> of_model;
  std::function<CounterSeed(std::size_t model)> draws;  // for random choices among the elements of a model

  [[nodiscard]] bool flag(std::string_view parameter) const { return shared(parameter) != 0; }
  [[nodiscard]] bool as_mergekit() const { return consistency == Consistency::mergekit; }
  [[nodiscard]] DType dtype() const { return models.front().dtype(); }
  // Of one parameter, of every model.
  [[nodiscard]] std::vector<double> of_models(std::string_view parameter) const;
};

struct MergeMethod {
  enum class Base : std::uint8_t { none, optional, required };

  std::string_view name;
  std::string_view summary;  // one sentence
  std::string_view formula;  // X the models, B the base, D = X - B
  std::string_view source;   // where it was published
  Base base;
  std::size_t least, most;  // models besides the base; most 0: no limit
  std::vector<MethodParameter> parameters;
  // Made in the dtype of the operands; throws Error(plan).
  Expr (*lower)(const MergeInputs& inputs);
  // Whether mergekit computes it in float32, too, where operands are narrower.
  bool wide_in_mergekit = false;
  bool needs_statistics = false;  // a tensor beside that of each model
};

[[nodiscard]] std::span<const MergeMethod> merge_methods();

}  // namespace brainsurgery::merging
