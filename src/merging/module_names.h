// The modules of a model by the names that an adapter has for them. An adapter may have been made of the model in another
// shell: then its names have a prefix more, less or other than the model's, all the same one.
//
//   const ModuleNames names(plan.tensors_of("model"));
//   const NameRule rule = names.rule_for({"model.layers.0.mlp.up_proj", ...}, false);
//   names.find("model.layers.0.mlp.up_proj", rule);          // "language_model.model.layers.0.mlp.up_proj"
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "brainsurgery/name_scope.h"

namespace brainsurgery::merging {

// How a name of the adapter becomes one of the model.
struct NameRule {
  std::string dropped, added;  // what it begins with, and what takes the place
  bool is_flat = false;        // underscores stand for points

  friend bool operator==(const NameRule&, const NameRule&) = default;
};

class ModuleNames {
 public:
  explicit ModuleNames(std::span<const FoundTensor> tensors);

  // The rule by which most of the names are modules of the model.
  [[nodiscard]] NameRule rule_for(std::span<const std::string> names, bool is_flat) const;
  // nullopt: the model has no such module.
  [[nodiscard]] std::optional<std::string> find(const std::string& name, const NameRule& rule) const;
  // The name that the module would have.
  [[nodiscard]] static std::string renamed(const std::string& name, const NameRule& rule);
  // Names of modules like this one, for messages.
  [[nodiscard]] std::vector<std::string> near(const std::string& name, const NameRule& rule) const;

 private:
  using Modules = std::map<std::string, std::string, std::less<>>;  // as rules spell them, and as they are

  [[nodiscard]] const Modules& modules(bool is_flat) const { return is_flat ? flat_ : dotted_; }
  [[nodiscard]] std::vector<NameRule> candidates(const std::string& name, bool is_flat) const;

  Modules dotted_, flat_;
};

}  // namespace brainsurgery::merging
