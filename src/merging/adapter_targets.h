// Which tensors of a model adapters change.
//
//   const TargetFinder finder("lora_merge", plan, "model");
//   finder.add(adapter, 0, targets);          // throws for what attaches to nothing
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "merging/adapter.h"
#include "merging/module_names.h"

namespace brainsurgery::merging {

// What one adapter does to a tensor.
struct TargetChange {
  std::size_t adapter;                        // its number
  const AdaptedModule* module = nullptr;      // nullptr: it is only replaced
  bool is_bias = false;                       // lora_bias of the module
  std::optional<FoundTensor> replacement = {};  // that the module was trained on
};

struct Target {
  Expr before;  // the model's tensor, or the one that it is tied to; empty: it has none
  std::string kind;  // of the module: "q_proj"
  std::vector<TargetChange> changes = {};
};
using Targets = std::map<std::string, Target>;  // by name in the model

class TargetFinder {
 public:
  TargetFinder(std::string step, PlanScope& plan, std::string model);

  // The adapter is kept by reference. Throws Error(plan) that names the tensor and the names that are near.
  void add(const Adapter& adapter, std::size_t number, Targets& targets) const;
  // The tensors that have to follow a changed one: they share its storage, or config.json says that they are tied.
  [[nodiscard]] std::vector<std::string> followers(const std::string& name, const Targets& targets) const;
  // config.json says that a head is tied to the embedding, of which the adapters change one alone, or both apart.
  [[nodiscard]] bool unties(const Targets& targets) const;
  // Where it says that.
  [[nodiscard]] const JsonPath& tie() const { return *tie_; }

 private:
  [[nodiscard]] const FoundTensor* tensor(const std::string& name) const;
  void add_module(const Adapter& adapter, std::size_t number, const AdaptedModule& module, const NameRule& rule,
                  Targets& targets) const;
  void add_whole(const Adapter& adapter, std::size_t number, const WholeTensor& whole, const NameRule& rule,
                 Targets& targets) const;
  [[nodiscard]] std::string parameter_of(const Adapter& adapter, const AdaptedModule& module,
                                         const std::string& found) const;
  [[nodiscard]] Target& target(Targets& targets, const std::string& name, const std::string& module) const;
  [[noreturn]] void fail_unattached(const FoundTensor& tensor, const std::string& module, const NameRule& rule) const;
  [[nodiscard]] const FoundTensor* tied_embedding(const std::string& module) const;

  std::string step_;
  PlanScope& plan_;
  std::string model_;
  std::vector<FoundTensor> tensors_;  // sorted by name
  ModuleNames modules_;
  std::optional<JsonPath> tie_;  // of config.json, where it is true
};

}  // namespace brainsurgery::merging
