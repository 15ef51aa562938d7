#include "session/prepared_step.h"

#include <fmt/format.h>

#include "base/interrupt.h"
#include "plan/hints.h"

namespace brainsurgery {
namespace {

void report_unknown_command(const PlanStep& step, const Registries& registries, Diagnostics& diagnostics) {
  diagnostics.error(step.span, fmt::format("unknown command '{}'", step.command),
                    step_notes(step.command, catalog_of(registries).steps));
}

// cast_ of cast, and the other way round.
const Schema* twin_of(std::string_view name, const TransformRegistry& transforms) {
  const Edit* twin = transforms.find(name.ends_with('_') ? name.substr(0, name.size() - 1) : std::string(name) + "_");
  return twin == nullptr ? nullptr : &twin->schema;
}

PreparedEdit prepare_edit(const Edit& edit, std::shared_ptr<const void> spec,
                          const std::optional<std::string>& default_alias) {
  PreparedEdit prepared{&edit, std::move(spec), {}};
  for (const auto& field : edit.schema.fields) {
    if (!field->role) continue;
    for (const FieldReference& found : field->references(prepared.spec.get())) {
      PreparedRef ref;
      ref.ref = found.ref;
      ref.field = field.get();
      ref.role = field->role_in(prepared.spec.get());
      ref.alias = found.ref->alias          ? *found.ref->alias
                  : ref.role.alias_of_first ? prepared.refs.front().alias
                                            : default_alias.value_or("");
      ref.where = fmt::format("{}.{}{}", edit.schema.name, field->name, found.within);
      if (ref.role.names == Role::Names::pattern) ref.pattern = NamePattern::compile(*found.ref, ref.where);
      if (ref.role.names == Role::Names::derived)
        ref.expansion = NameTemplate::compile(*found.ref, *prepared.refs.front().pattern, ref.where);
      prepared.refs.push_back(std::move(ref));
    }
  }
  return prepared;
}

}  // namespace

StepDecoder::StepDecoder(const Registries& registries, std::optional<std::string> default_alias,
                         std::set<std::string, std::less<>> aliases)
    : registries_(registries), default_alias_(std::move(default_alias)), aliases_(std::move(aliases)) {}

std::optional<PreparedStep> StepDecoder::decode(const PlanStep& step, int index, Diagnostics& diagnostics) {
  if (step.payload == nullptr) return std::nullopt;
  const DecodeContext context{diagnostics, default_alias_, aliases_, registries_.predicates};
  PreparedStep prepared{index, step.command, step.span, step.payload, default_alias_, {}};
  try {
    if (step.command == kAssert) {
      std::optional<Assertion> assertion = decode_assertion(*step.payload, context, kAssert);
      if (!assertion) return std::nullopt;
      prepared.action = *std::move(assertion);
    } else if (const Edit* edit = registries_.transforms.find(step.command)) {
      DecodeContext with_twin = context;
      with_twin.twin = twin_of(step.command, registries_.transforms);
      std::shared_ptr<const void> spec = edit->decode(*step.payload, with_twin);
      if (spec == nullptr) return std::nullopt;
      prepared.action = prepare_edit(*edit, std::move(spec), default_alias_);
    } else if (const Command* command = registries_.commands.find(step.command)) {
      std::shared_ptr<const void> spec = command->decode(*step.payload, context);
      if (spec == nullptr) {
        lost_aliases_ = lost_aliases_ || command->introduces != nullptr;
        return std::nullopt;
      }
      if (command->introduces != nullptr) {
        if (std::string alias = command->introduces(spec.get(), default_alias_); !alias.empty())
          aliases_.insert(std::move(alias));
      }
      prepared.action = PreparedCommand{command, std::move(spec)};
    } else {
      report_unknown_command(step, registries_, diagnostics);
      return std::nullopt;
    }
  } catch (const Error& error) {
    throw_if_interrupted();
    diagnostics.add(error.at(step.span));
    return std::nullopt;
  }
  return prepared;
}

StepDecoder plan_decoder(const Plan& plan, const Registries& registries, std::set<std::string, std::less<>> aliases) {
  if (plan.inputs.empty()) aliases.insert(kImplicitAlias);
  return {registries, plan.inputs.empty() ? kImplicitAlias : plan.default_alias(), std::move(aliases)};
}

bool is_command(std::string_view name, const Registries& registries) {
  return name == kAssert || registries.transforms.find(name) != nullptr || registries.commands.find(name) != nullptr;
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
