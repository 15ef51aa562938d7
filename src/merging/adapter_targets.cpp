#include "merging/adapter_targets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "documents/document.h"
#include "merging/module_words.h"

namespace brainsurgery::merging {
namespace {

std::string module_of(const std::string& name) { return module_and_tensor(name).first; }

std::optional<JsonPath> tie_of(PlanScope& plan, const std::string& model) {
  const std::optional<JsonValue> config = plan.document(model, std::string(kConfigName));
  if (!config) return std::nullopt;
  for (const JsonPath& path : {JsonPath{"tie_word_embeddings"}, JsonPath{"text_config", "tie_word_embeddings"}}) {
    const JsonValue* value = find_at(*config, path);
    if (value != nullptr && value->kind == JsonValue::Kind::boolean && value->text == "true") return path;
  }
  return std::nullopt;
}

// The factors' shapes, of a parameter [experts, out, in] or [experts, in, out].
bool fits_experts(const Shape& weight, const Shape& a, const Shape& b) {
  if (weight.size() != 3 || a.size() != 2 || b.size() != 2 || a[0] != b[1] || a[0] % weight[0] != 0) return false;
  return Shape{weight[1], weight[2]} == Shape{b[0], a[1]} || Shape{weight[2], weight[1]} == Shape{b[0], a[1]};
}

std::vector<std::string> names_of(const Adapter& adapter, bool is_flat) {
  std::vector<std::string> names;
  for (const AdaptedModule& module : adapter.modules) {
    if (module.is_flat == is_flat) names.push_back(module.name);
  }
  if (names.empty() && !is_flat) {
    for (const WholeTensor& whole : adapter.wholes) names.push_back(whole.module);
  }
  return names;
}

}  // namespace

TargetFinder::TargetFinder(std::string step, PlanScope& plan, std::string model)
    : step_(std::move(step)),
      plan_(plan),
      model_(std::move(model)),
      tensors_(plan.tensors_of(model_)),
      modules_(tensors_),
      tie_(tie_of(plan, model_)) {}

const FoundTensor* TargetFinder::tensor(const std::string& name) const {
  const auto found = std::ranges::lower_bound(tensors_, name, {}, &FoundTensor::name);
  return found == tensors_.end() || found->name != name ? nullptr : &*found;
}

void TargetFinder::add(const Adapter& adapter, std::size_t number, Targets& targets) const {
  const NameRule dotted = modules_.rule_for(names_of(adapter, false), false);
  const NameRule flat = modules_.rule_for(names_of(adapter, true), true);
  for (const WholeTensor& whole : adapter.wholes) add_whole(adapter, number, whole, dotted, targets);
  for (const AdaptedModule& module : adapter.modules)
    add_module(adapter, number, module, module.is_flat ? flat : dotted, targets);
}

Target& TargetFinder::target(Targets& targets, const std::string& name, const std::string& module) const {
  Target& result = targets[name];
  if (const FoundTensor* found = tensor(name)) result.before = found->expr;
  result.kind = last_word(module);
  return result;
}

void TargetFinder::add_module(const Adapter& adapter, std::size_t number, const AdaptedModule& module,
                              const NameRule& rule, Targets& targets) const {
  const std::optional<std::string> found = modules_.find(module.name, rule);
  const FoundTensor* tied = found ? nullptr : tied_embedding(module.name);
  if (!found && tied == nullptr) fail_unattached(module.parts.begin()->second, module.name, rule);
  const std::string name = found ? parameter_of(adapter, module, *found) : modules_.renamed(module.name, rule) + ".weight";
  Target& weight = target(targets, name, module.name);
  if (tied != nullptr) weight.before = tied->expr;
  const bool is_there = !weight.changes.empty() && weight.changes.back().adapter == number;
  if (is_there && weight.changes.back().module != nullptr) {
    throw Error(ErrorCode::plan, fmt::format("{}: {} and {} both change {}::{}", step_,
                                             weight.changes.back().module->label(), module.label(), model_, name));
  }
  if (!is_there) weight.changes.push_back({number});
  weight.changes.back().module = &module;
  if (module.find(AdapterPart::lora_bias) == nullptr) return;
  const std::string bias = module_of(name) + ".bias";
  if (tensor(bias) == nullptr) {
    throw Error(ErrorCode::plan, fmt::format("{}: {} needs a bias to add to, but there is no {}::{}", step_,
                                             module.parts.at(AdapterPart::lora_bias).label(), model_, bias));
  }
  target(targets, bias, module.name + ".bias").changes.push_back({number, &module, true});
}

// "....experts.down_proj" for factors of a parameter that is no weight of a module.
std::string TargetFinder::parameter_of(const Adapter& adapter, const AdaptedModule& module,
                                       const std::string& found) const {
  if (tensor(found + ".weight") != nullptr) return found + ".weight";
  const Expr *a = module.find(AdapterPart::lora_a), *b = module.find(AdapterPart::lora_b);
  std::vector<std::string> fitting;
  for (const FoundTensor& each : tensors_) {
    if (module_of(each.name) != found || a == nullptr || !fits_experts(each.expr.shape(), a->shape(), b->shape())) continue;
    const auto is_meant = [&](const std::string& text) { return last_word(text) == last_word(each.name); };
    const std::vector<std::string>& meant = adapter.config ? adapter.config->parameters : std::vector<std::string>();
    if (meant.empty() || std::ranges::any_of(meant, is_meant)) fitting.push_back(each.name);
  }
  if (fitting.size() == 1) return fitting.front();
  throw Error(ErrorCode::plan,
              fitting.empty()
                  ? fmt::format("{}: {} fits no parameter of {}::{}", step_, module.label(), model_, found)
                  : fmt::format("{}: {} fits {}: nothing says which it changes", step_, module.label(),
                                fmt::join(fitting, " and ")));
}

void TargetFinder::add_whole(const Adapter& adapter, std::size_t number, const WholeTensor& whole, const NameRule& rule,
                             Targets& targets) const {
  const std::string module = modules_.find(whole.module, rule).value_or(modules_.renamed(whole.module, rule));
  const std::string name = module.empty() ? whole.tensor : module + "." + whole.tensor;
  const bool is_saved = adapter.config && adapter.config->saves(last_word(whole.module));
  if (tensor(name) == nullptr && !is_saved) fail_unattached(whole.from, whole.module, rule);
  target(targets, name, whole.module).changes.push_back({number, nullptr, false, whole.from});
}

void TargetFinder::fail_unattached(const FoundTensor& tensor, const std::string& module, const NameRule& rule) const {
  std::vector<std::string> notes;
  for (const std::string& near : modules_.near(module, rule)) notes.push_back(fmt::format("did you mean '{}'?", near));
  if (notes.empty()) notes.emplace_back("with 'only' beside 'of' a part of the adapter's modules is taken");
  throw Error(ErrorCode::plan,
              fmt::format("{}: {} attaches to nothing: '{}' has no module {}", step_, tensor.label(), model_,
                          modules_.renamed(module, rule)),
              {}, std::move(notes));
}

// Of a head that the model does not have.
const FoundTensor* TargetFinder::tied_embedding(const std::string& module) const {
  if (!is_head(module)) return nullptr;
  const auto is_weight = [](const FoundTensor& each) {
    return each.name.ends_with(".weight") && is_word_embedding(module_of(each.name));
  };
  const auto found = std::ranges::find_if(tensors_, is_weight);
  return found == tensors_.end() ? nullptr : &*found;
}

std::vector<std::string> TargetFinder::followers(const std::string& name, const Targets& targets) const {
  std::vector<std::string> names = plan_.partners(model_, name);
  if (tie_ && is_word_embedding(module_of(name))) {
    for (const FoundTensor& each : tensors_) {
      if (each.name.ends_with(".weight") && is_head(module_of(each.name))) names.push_back(each.name);
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::erase_if(names, [&](const std::string& each) { return targets.contains(each) || is_head(module_of(name)); });
  return names;
}

bool TargetFinder::unties(const Targets& targets) const {
  return tie_ && std::ranges::any_of(targets, [](const auto& target) {
    return target.first.ends_with(".weight") && is_head(module_of(target.first));
  });
}

}  // namespace brainsurgery::merging
