#include "session/prepared_step.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/spelling.h"

namespace brainsurgery {
namespace {

constexpr const char* kAssert = "assert";

void report_unknown_command(const PlanStep& step, const Registries& registries, Diagnostics& diagnostics) {
  std::vector<std::string> names{kAssert};
  for (const Edit& edit : registries.transforms.edits()) names.push_back(edit.schema.name);
  diagnostics.error(step.span, fmt::format("unknown command '{}'", step.command), did_you_mean(step.command, names));
}

PreparedEdit prepare_edit(const Edit& edit, std::shared_ptr<const void> spec,
                          const std::optional<std::string>& default_alias) {
  PreparedEdit prepared{&edit, std::move(spec), {}};
  for (const auto& field : edit.schema.fields) {
    if (!field->role) continue;
    const std::vector<const TensorRef*> refs = field->references(prepared.spec.get());
    for (std::size_t i = 0; i < refs.size(); ++i) {
      PreparedRef ref;
      ref.ref = refs[i];
      ref.role = field->role_in(prepared.spec.get());
      ref.alias = refs[i]->alias            ? *refs[i]->alias
                  : ref.role.alias_of_first ? prepared.refs.front().alias
                                            : default_alias.value_or("");
      ref.where = field->takes_list ? fmt::format("{}.{}[{}]", edit.schema.name, field->name, i)
                                    : fmt::format("{}.{}", edit.schema.name, field->name);
      if (ref.role.names == Role::Names::pattern) ref.pattern = NamePattern::compile(*refs[i], ref.where);
      if (ref.role.names == Role::Names::derived)
        ref.expansion = NameTemplate::compile(*refs[i], *prepared.refs.front().pattern, ref.where);
      prepared.refs.push_back(std::move(ref));
    }
  }
  return prepared;
}

}  // namespace

std::vector<PreparedStep> prepare_steps(const Plan& plan, const Registries& registries, Diagnostics& diagnostics) {
  std::set<std::string, std::less<>> aliases;
  for (const PlanInput& input : plan.inputs) aliases.insert(input.alias);
  if (plan.inputs.empty()) aliases.insert(kImplicitAlias);
  const std::optional<std::string> default_alias = plan.inputs.empty() ? kImplicitAlias : plan.default_alias();
  const DecodeContext context{diagnostics, default_alias, aliases, registries.predicates};
  std::vector<PreparedStep> result;
  for (std::size_t i = 0; i < plan.steps.size() && !diagnostics.enough(); ++i) {
    const PlanStep& step = plan.steps[i];
    if (step.payload == nullptr) continue;
    PreparedStep prepared{static_cast<int>(i), step.command, step.span, {}};
    try {
      if (step.command == kAssert) {
        const std::optional<Assertion> assertion = decode_assertion(*step.payload, context, kAssert);
        if (!assertion) continue;
        prepared.action = *assertion;
      } else if (const Edit* edit = registries.transforms.find(step.command)) {
        std::shared_ptr<const void> spec = edit->decode(*step.payload, context);
        if (spec == nullptr) continue;
        prepared.action = prepare_edit(*edit, std::move(spec), context.default_alias);
      } else {
        report_unknown_command(step, registries, diagnostics);
        continue;
      }
    } catch (const Error& error) {
      diagnostics.add(error.at(step.span));
      continue;
    }
    result.push_back(std::move(prepared));
  }
  return result;
}

}  // namespace brainsurgery
