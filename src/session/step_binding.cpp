#include "session/step_binding.h"

namespace brainsurgery {

std::string StepBinding::alias_of(const TensorRef& ref) const {
  BS_CHECK(ref.alias || step.default_alias);
  return ref.alias ? *ref.alias : *step.default_alias;
}

std::string StepBinding::describe(const TensorRef& ref) const {
  TensorRef full = ref;
  full.alias = alias_of(ref);
  return to_string(full);
}

void StepBinding::print(std::string text) { add_effect(PrintEffect{std::move(text)}); }

void StepBinding::announce(const std::string& line) {
  if (flags.verbose) print(announcement(line));
}

std::string StepBinding::announcement(const std::string& line) const {
  return (flags.dry_run ? "dry-run " : "") + line + "\n";
}

void StepBinding::warn(const SourceSpan& at, std::string message) const {
  events.on(events::Warning{{Severity::warning, at, std::move(message), {}}});
}

MakerPtr StepBinding::maker_of(const std::string& label) const {
  return std::make_shared<const Maker>(Maker{step.index + 1, step.name(), label, step.span});
}

}  // namespace brainsurgery
