#include "session/plan_targets.h"

#include <functional>

#include "base/interrupt.h"
#include "session/prepared_step.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxPlanBytes = std::int64_t{64} << 20;

using ReadText = std::function<std::string(const std::string&)>;

// Only controls write to paths, introduce aliases, or stand for other steps.
bool is_control(const PlanStep& step, const Registries& registries) {
  const Step* known = registries.steps.find(step.command);
  return known != nullptr && std::holds_alternative<Control>(known->action);
}

// Without `read_text` steps that stand for others are left out: these cannot hold further ones of their kind.
void collect(const std::vector<PlanStep>& steps, const Registries& registries, StepDecoder decoder,
             const ReadText& read_text, std::vector<std::string>& targets) {
  Diagnostics ignored;  // whoever binds the steps reports them
  std::vector<PlanStep> inner;
  for (const PlanStep& step : steps) {
    if (!is_control(step, registries)) continue;
    const std::optional<PreparedStep> prepared = decoder.decode(step, 0, ignored);
    if (!prepared) continue;
    const auto* control = std::get_if<Control>(&prepared->step->action);
    for (const StepPartPtr& part : prepared->parts) {
      if (control->writes != nullptr) targets.push_back(control->writes(part->spec.get()));
      if (control->steps == nullptr || read_text == nullptr) continue;
      try {
        std::vector<PlanStep> more = control->steps(part->spec.get(), read_text);
        inner.insert(inner.end(), more.begin(), more.end());
      } catch (const Error& error) {
        throw_if_interrupted();
        ignored.add(error);
      }
    }
  }
  if (!inner.empty()) collect(inner, registries, std::move(decoder), nullptr, targets);
}

}  // namespace

std::string read_step_text(Env& env, const std::string& path) {
  try {
    return env.read_text(path, kMaxPlanBytes);
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, error.what());
  }
}

std::vector<std::string> plan_targets(const Plan& plan, const Registries& registries, Env& env) {
  std::vector<std::string> targets;
  if (plan.output) targets.push_back(plan.output->path);
  std::set<std::string, std::less<>> aliases;
  for (const PlanInput& input : plan.inputs) aliases.insert(input.alias);
  collect(plan.steps, registries, plan_decoder(plan, registries, std::move(aliases)),
          [&env](const std::string& path) { return read_step_text(env, path); }, targets);
  return targets;
}

}  // namespace brainsurgery
