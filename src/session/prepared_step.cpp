#include "session/prepared_step.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "plan/hints.h"

namespace brainsurgery {
namespace {

// Aliases that a step names where it might begin a model, whatever else is wrong with it.
void add_begun(const Schema& schema, const YamlNode& payload, std::set<std::string, std::less<>>& aliases) {
  for (const auto& field : schema.fields) {
    const std::optional<Role> role = role_of(*field->type);
    const YamlNode* value = role && role->begins_model ? payload.find(field->name) : nullptr;
    if (value == nullptr || !value->is_string()) continue;
    const std::size_t end = value->text().find("::");
    if (end != std::string::npos) aliases.insert(value->text().substr(0, end));
  }
}

}  // namespace

StepDecoder::StepDecoder(const Registries& registries, std::optional<std::string> default_alias,
                         std::set<std::string, std::less<>> aliases, PlanParameters parameters)
    : registries_(registries),
      default_alias_(std::move(default_alias)),
      aliases_(std::move(aliases)),
      parameters_(std::move(parameters)) {}

std::optional<PreparedStep> StepDecoder::decode(const PlanStep& step, int index, Diagnostics& diagnostics) {
  if (step.payload == nullptr) return std::nullopt;
  const Step* known = registries_.steps.find(step.command);
  if (known == nullptr) {
    diagnostics.error(step.span, fmt::format("unknown command '{}'", step.command),
                      step_notes(step.command, catalog_of(registries_).steps));
    return std::nullopt;
  }
  const auto* control = std::get_if<Control>(&known->action);
  const bool may_introduce = control != nullptr && control->introduces != nullptr;
  try {
    const PartMaker make(registries_, *known, default_alias_, aliases_, parameters_);
    PartMaker::Result made = make(step.payload, nullptr, diagnostics);
    if (made.parts.empty() && !made.skipped && !(made.needs_model && !may_introduce)) {
      if (made.needs_model) {
        diagnostics.error(step.span, fmt::format("{}: which models there are cannot depend on what a model holds",
                                                 step.command));
      }
      lost_aliases_ = lost_aliases_ || may_introduce;
      add_begun(known->schema, *step.payload, aliases_);
      return std::nullopt;
    }
    const auto is_open = [](const StepPartPtr& part) { return part->spec == nullptr; };
    if (made.parts.empty() || std::ranges::any_of(made.parts, is_open))
      add_begun(known->schema, *step.payload, aliases_);
    if (may_introduce) {
      for (const StepPartPtr& part : made.parts) {
        std::string alias = control->introduces(part->spec.get(), default_alias_);
        if (!alias.empty()) aliases_.insert(std::move(alias));
      }
    }
    for (const StepPartPtr& part : made.parts) {
      for (const PreparedRef& ref : part->refs) {
        if (ref.role.begins_model) aliases_.insert(ref.alias);
      }
    }
    return PreparedStep{known, index, step.span, step.payload, default_alias_, std::move(made.parts)};
  } catch (const Error& error) {
    throw_if_interrupted();
    diagnostics.add(error.at(step.span));
    return std::nullopt;
  }
}

StepDecoder plan_decoder(const Plan& plan, const Registries& registries, std::set<std::string, std::less<>> aliases) {
  if (plan.inputs.empty()) aliases.insert(kImplicitAlias);
  return {registries, plan.inputs.empty() ? kImplicitAlias : plan.default_alias(), std::move(aliases),
          plan.parameters};
}

std::vector<PreparedStep> prepare_steps(const Plan& plan, const Registries& registries, Diagnostics& diagnostics) {
  std::set<std::string, std::less<>> aliases;
  for (const PlanInput& input : plan.inputs) aliases.insert(input.alias);
  StepDecoder decoder = plan_decoder(plan, registries, std::move(aliases));
  std::vector<PreparedStep> result;
  for (std::size_t i = 0; i < plan.steps.size() && !diagnostics.enough() && !decoder.lost_aliases(); ++i) {
    throw_if_interrupted();
    if (std::optional<PreparedStep> step = decoder.decode(plan.steps[i], static_cast<int>(i), diagnostics))
      result.push_back(*std::move(step));
  }
  return result;
}

}  // namespace brainsurgery
