// The tensors of an adapter, by the modules that they change.
//
//   const Adapter adapter = read_adapter(plan, "lora_merge", {"style"});
//   for (const AdaptedModule& module : adapter.modules) module.find(AdapterPart::lora_a);
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/name_scope.h"
#include "merging/adapter_config.h"
#include "merging/adapter_keys.h"
#include "plan/name_pattern.h"
#include "steps/plan_scope.h"

namespace brainsurgery::merging {

struct AdaptedModule {
  std::string name;  // as the adapter has it, without what its program puts before
  bool is_flat = false;
  int depth = 0;
  std::map<AdapterPart, FoundTensor> parts = {};

  // nullptr: it has no such part.
  [[nodiscard]] const Expr* find(AdapterPart part) const;
  // "style::base_model.model.x.lora_A.weight": a tensor of it, for messages.
  [[nodiscard]] std::string label() const { return parts.begin()->second.label(); }
};

// A tensor of the adapter that takes the place of one of the model.
struct WholeTensor {
  std::string module, tensor;
  FoundTensor from;
};

struct Adapter {
  std::string alias;
  std::optional<AdapterConfig> config;
  std::optional<double> alpha = {};    // of all modules that say none, where there is no config
  std::vector<AdaptedModule> modules;  // complete: each part with those that it needs
  std::vector<WholeTensor> wholes;
};

struct AdapterChoice {
  std::string alias;
  std::optional<double> alpha = {};
  std::optional<NamePattern> only = {};  // the modules to read; unset: all
};

// Throws Error(plan) for tensors of kinds that are not read, for halves, and for tensors of several adapters in one file.
[[nodiscard]] Adapter read_adapter(PlanScope& plan, std::string_view step, const AdapterChoice& choice);

}  // namespace brainsurgery::merging
