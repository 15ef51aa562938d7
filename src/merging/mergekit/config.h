// A configuration of mergekit-yaml, read strictly: what is unknown is a mistake with the nearest known word.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/yaml_tree.h"

namespace brainsurgery::merging {

struct MergekitParameter {
  std::string name;  // as the step `merge` calls it
  YamlPtr value;     // as written: a number, a list of numbers, or a list of mappings with filter and value
};
using MergekitParameters = std::vector<MergekitParameter>;

struct LayerRange {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t count() const { return end - begin; }
};

struct MergekitSource {
  std::string model;  // a path
  SourceSpan span;
  std::optional<LayerRange> layers;  // of slices
  MergekitParameters parameters;
};

// Sources whose layers are merged with one another. Without layer ranges: all tensors.
struct MergekitSlice {
  std::vector<MergekitSource> sources;
  MergekitParameters parameters;
};

struct MergekitConfig {
  std::string name;  // of the result, for later documents; empty: none
  std::string method;
  SourceSpan method_span;
  std::optional<std::string> base_model;
  std::vector<MergekitSlice> slices;
  bool by_layers = false;          // slices with layer ranges
  MergekitParameters parameters;   // of all
  std::optional<std::string> dtype, out_dtype;
};

// Of each document in their order: later ones may merge what earlier ones made. Throws Error(plan) with every mistake.
[[nodiscard]] std::vector<MergekitConfig> read_mergekit_configs(const std::shared_ptr<const SourceText>& text);

}  // namespace brainsurgery::merging
