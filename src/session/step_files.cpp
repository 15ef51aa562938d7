#include "session/step_files.h"

#include <fmt/format.h>

#include <algorithm>

namespace brainsurgery {

void StepFiles::load(const LoadRequest& request) {
  if (request.tensor) return load_tensor(request, *request.tensor);
  models_.require_new(request.alias, step_.name());
  const Models::Opened opened = models_.read(request.alias, request.path);
  if (step_.flags.dry_run) return;
  models_.add(request.alias, opened);
  changes_.contribute(request.alias);
}

void StepFiles::load_tensor(const LoadRequest& request, const std::string& name) {
  step_.looked_at.push_back({request.alias, name, true});
  if (models_.exists(request.alias) && models_.names(request.alias, step_.name()).find(name) != nullptr) {
    throw Error(ErrorCode::plan,
                fmt::format("{}.to: destination already exists: {}", step_.name(), label_of(request.alias, name)));
  }
  const auto [file, beside] = models_.read(request.alias, request.path);
  if (!request.formats.empty() && std::ranges::find(request.formats, beside.format) == request.formats.end()) {
    throw Error(ErrorCode::plan, fmt::format("{}.format: '{}' is of format {}, not {}", step_.name(), request.path,
                                             beside.format, request.formats.front()));
  }
  if (file.names().size() != 1) {
    throw Error(ErrorCode::plan, fmt::format("{}: '{}' holds {} tensors; 'to' takes a file with exactly one",
                                             step_.name(), request.path, file.names().size()));
  }
  if (!models_.open(request.alias)) changes_.begin(request.alias);
  changes_.create(request.alias, name, file.names().begin()->second.expr);
  changes_.mark_changed(request.alias);
}

void StepFiles::save(const SaveRequest& request) {
  models_.require_known(request.alias, step_.name());
  step_.looked_at.push_back({request.alias, request.tensor.value_or(""), request.tensor.has_value()});
  const ModelContent content = content_of(request);
  std::shared_ptr<BoundOutput> output = bound(request, content);
  for (const std::string& warning : output->warnings) step_.warn(step_.step.span, step_.name() + ": " + warning);
  if (step_.flags.dry_run) return;
  require_unpublished(request.target.path);
  state_.models.beside[request.alias].kept = true;
  for (const auto& [name, tensor] : content.names.names()) changes_.count(request.alias, name, 1, 0);
  output->owned = checkpoints_.owned_files(request.target.path);
  ModelContent written = output->content;
  step_.add_effect(SaveEffect{std::move(output)});
  state_.saved.insert_or_assign(canonical_path(env_, request.target.path), std::move(written));
}

ModelContent StepFiles::content_of(const SaveRequest& request) {
  const StateDict& model = models_.names(request.alias, step_.name());
  if (!request.tensor) {
    if (model.names().empty() && models_.beside(request.alias).changed) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}: nothing is left to write: no tensor remains in {}", step_.name(), request.alias));
    }
    return models_.content(request.alias, model);
  }
  const NamedTensor* tensor = model.find(*request.tensor);
  if (tensor == nullptr) {
    throw Error(ErrorCode::plan,
                fmt::format("{}.target: tensor does not exist: {}", step_.name(),
                            label_of(request.alias, *request.tensor)),
                {}, missing_.nearest(*request.tensor, request.alias));
  }
  ModelContent content = models_.content(request.alias, StateDict(request.target.path));
  content.names.put(*request.tensor, tensor->expr, tensor->storage);
  return content;
}

std::shared_ptr<BoundOutput> StepFiles::bound(const SaveRequest& request, const ModelContent& content) const {
  PlanOutput target;
  static_cast<FileTarget&>(target) = request.target;
  target.span = step_.step.span;
  const std::string reason = fmt::format("step {}, {}", step_.step.index + 1, step_.name());
  // A dry run leaves nothing behind in the compiler of files that are written.
  auto files = step_.flags.dry_run ? std::make_shared<Compiler>(CompileOptions{options_.fuse}) : compiler_;
  return std::make_shared<BoundOutput>(
      bind_files(env_, formats_, {target, step_.name(), true, request.tensor.has_value()}, content, request.alias,
                 reason, options_, {std::move(files)}));
}

void StepFiles::require_unpublished(const std::string& path) {
  if (!state_.published.insert(canonical_path(env_, path)).second) {
    throw Error(ErrorCode::plan, fmt::format("'{}' is written twice by this plan", path), {},
                {"what was written first would be lost"});
  }
}

}  // namespace brainsurgery
