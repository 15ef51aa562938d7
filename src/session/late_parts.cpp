#include "session/late_parts.h"

#include "session/plan_targets.h"

namespace brainsurgery {
namespace {

ModelAccess model_access(Env& env, const StepBinding& step, Models& models, ModelDocuments& documents) {
  ModelAccess access;
  access.names = [&](const std::string& alias) -> const StateDict& { return models.names(alias, step.name()); };
  access.config = [&](const std::string& alias) { return value_of_json(documents.config(alias)); };
  access.read_text = [&](const std::string& path) { return read_step_text(env, path); };
  return access;
}

}  // namespace

LateParts::LateParts(Env& env, const Registries& registries, const Plan& plan, StepBinding& step, Models& models,
                     ModelDocuments& documents)
    : registries_(registries),
      plan_(plan),
      step_(step),
      models_(models),
      scope_(model_access(env, step, models, documents), step.step.default_alias, plan.parameters) {}

template <typename Make>
auto LateParts::with_maker(const Make& make) const {
  const std::vector<std::string> known = models_.aliases();
  const std::set<std::string, std::less<>> aliases(known.begin(), known.end());
  return make(PartMaker(registries_, *step_.step.step, step_.step.default_alias, aliases, plan_.parameters));
}

const std::vector<StepPartPtr>& LateParts::all() {
  if (!step_.step.parts.empty()) return step_.step.parts;
  parts_ = with_maker(
      [&](const PartMaker& maker) { return maker(step_.step.payload, &scope_, step_.diagnostics).parts; });
  return parts_;
}

StepPartPtr LateParts::closed(const StepPart& open, const Variables& values) const {
  Diagnostics mistakes;
  StepPartPtr part = with_maker(
      [&](const PartMaker& maker) { return maker.closed(open, VariableScope(values, &scope_), mistakes); });
  mistakes.throw_if_errors();
  return part;
}

}  // namespace brainsurgery
