#include "session/prepared_step.h"

#include <fmt/format.h>

#include "base/interrupt.h"
#include "plan/hints.h"

namespace brainsurgery {
namespace {

// cast_ of cast, and the other way round.
const Schema* twin_of(std::string_view name, const StepRegistry& steps) {
  const Step* twin = steps.find(name.ends_with('_') ? name.substr(0, name.size() - 1) : std::string(name) + "_");
  return twin == nullptr ? nullptr : &twin->schema;
}

void prepare_refs(PreparedStep& prepared) {
  const Schema& schema = prepared.step->schema;
  const void* spec = prepared.spec.get();
  std::vector<PreparedRef>& refs = prepared.refs;
  for (const auto& field : schema.fields) {
    if (!field->role) continue;
    const Role role = field->role_in(spec);
    const std::size_t operand = role.reads ? prepared.operand_fields++ : 0;
    for (const FieldReference& found : field->references(spec)) {
      PreparedRef ref;
      ref.ref = found.ref;
      ref.field = field.get();
      ref.role = found.role.value_or(role);
      ref.operand = operand;
      ref.alias = found.ref->alias          ? *found.ref->alias
                  : ref.role.alias_of_first ? refs.front().alias
                                            : prepared.default_alias.value_or("");
      ref.where = fmt::format("{}.{}{}", schema.name, field->name, found.within);
      if (ref.role.names == Role::Names::pattern) ref.pattern = NamePattern::compile(*found.ref, ref.where);
      if (ref.role.names == Role::Names::derived)
        ref.expansion = NameTemplate::compile(*found.ref, *refs.front().pattern, ref.where);
      refs.push_back(std::move(ref));
    }
  }
}

}  // namespace

StepDecoder::StepDecoder(const Registries& registries, std::optional<std::string> default_alias,
                         std::set<std::string, std::less<>> aliases)
    : registries_(registries), default_alias_(std::move(default_alias)), aliases_(std::move(aliases)) {}

std::optional<PreparedStep> StepDecoder::decode(const PlanStep& step, int index, Diagnostics& diagnostics) {
  if (step.payload == nullptr) return std::nullopt;
  const Step* known = registries_.steps.find(step.command);
  if (known == nullptr) {
    diagnostics.error(step.span, fmt::format("unknown command '{}'", step.command),
                      step_notes(step.command, catalog_of(registries_).steps));
    return std::nullopt;
  }
  const DecodeContext context{diagnostics, default_alias_, aliases_, &registries_.predicates,
                              twin_of(step.command, registries_.steps)};
  const auto* control = std::get_if<Control>(&known->action);
  const bool may_introduce = control != nullptr && control->introduces != nullptr;
  try {
    PreparedStep prepared{known, index, step.span, step.payload, known->decode(*step.payload, context), default_alias_};
    if (prepared.spec == nullptr) {
      lost_aliases_ = lost_aliases_ || may_introduce;
      return std::nullopt;
    }
    if (may_introduce) {
      if (std::string alias = control->introduces(prepared.spec.get(), default_alias_); !alias.empty())
        aliases_.insert(std::move(alias));
    }
    if (std::holds_alternative<Edit>(known->action)) prepare_refs(prepared);
    return prepared;
  } catch (const Error& error) {
    throw_if_interrupted();
    diagnostics.add(error.at(step.span));
    return std::nullopt;
  }
}

StepDecoder plan_decoder(const Plan& plan, const Registries& registries, std::set<std::string, std::less<>> aliases) {
  if (plan.inputs.empty()) aliases.insert(kImplicitAlias);
  return {registries, plan.inputs.empty() ? kImplicitAlias : plan.default_alias(), std::move(aliases)};
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
