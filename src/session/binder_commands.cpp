// What commands that compute no tensors may do: the binder as their PlanScope, and previews.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/interrupt.h"
#include "base/scoped_value.h"
#include "base/spelling.h"
#include "session/binder.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxPlanBytes = std::int64_t{64} << 20;

std::string entry_label(const DeltaEntry& entry) {
  return brainsurgery::label_of(entry.alias, entry.name) + (entry.region.empty() ? "" : "::" + entry.region);
}

}  // namespace

void Binder::take_slice(const TensorRef& ref, FoundTensor& tensor) {
  tensor.expr = sliced(tensor.expr, ref, tensor.alias, tensor.name);
}

void Binder::report_trouble(const Error& error) {
  throw_if_interrupted();
  if (error.code() == ErrorCode::run) {
    unreadable_.push_back(error.at(current_.step->span));
  } else {
    report_mistake(error, current_.looked_at);
  }
}

void Binder::bind_action(const Query& query) {
  for (const StepPartPtr& part : parts()) {
    try {
      query.bind(part->spec.get(), *this);
    } catch (const Error& error) {
      report_trouble(error);
      return;
    }
  }
}

void Binder::bind_action(const Control& control) {
  for (const StepPartPtr& part : parts()) {
    try {
      control.bind(part->spec.get(), *this);
    } catch (const Error& error) {
      report_trouble(error);
      distrust_introduced(control, part->spec.get());
      return;
    }
    if (state_.exited) return;
  }
}

// Later steps may use what the step should have opened.
void Binder::distrust_introduced(const Control& control, const void* spec) {
  if (control.introduces == nullptr) return;
  const std::string alias = control.introduces(spec, current_.step->default_alias);
  if (alias.empty()) return;
  if (!exists(alias)) change_aliases([&](Workspace& workspace) { workspace.add(alias, StateDict()); });
  taints_.add_alias(alias);
}

std::vector<std::string> Binder::aliases() const {
  std::vector<std::string> result;
  for (const auto& [alias, names] : state_.workspace.aliases()) result.push_back(alias);
  for (const auto& [alias, input] : state_.pending) result.push_back(alias);
  std::ranges::sort(result);
  return result;
}

bool Binder::exists(const std::string& alias) const {
  return state_.workspace.find(alias) != nullptr || state_.pending.contains(alias);
}

void Binder::require_known(const std::string& alias) const {
  if (exists(alias)) return;
  const std::vector<std::string> known = aliases();
  std::vector<std::string> notes = did_you_mean(alias, known);
  notes.push_back(known.empty() ? "there is no model at this step"
                                : fmt::format("aliases at this step: {}", fmt::join(known, ", ")));
  throw Error(ErrorCode::plan, fmt::format("{}: unknown model alias '{}'", current_.step->name(), alias), {},
              std::move(notes));
}

void Binder::require_new(const std::string& alias) const {
  if (exists(alias))
    throw Error(ErrorCode::plan, fmt::format("{}: the alias '{}' exists already", current_.step->name(), alias));
}

std::vector<FoundTensor> Binder::tensors_of(const std::string& alias) {
  current_.looked_at.push_back({alias, "", false});
  std::vector<FoundTensor> result;
  for (const auto& [name, tensor] : names_of(alias).names()) {
    throw_if_interrupted();
    result.push_back({alias, name, tensor.expr, tensor.counts, ""});
  }
  return result;
}

void Binder::print(std::string text) { add_effect(PrintEffect{std::move(text)}); }

void Binder::report(Report report) {
  add_effect(ReportEffect{std::move(report), state_.flags.verbose, state_.flags.dry_run});
}

std::string Binder::announcement(const std::string& line) const {
  return (state_.flags.dry_run ? "dry-run " : "") + line + "\n";
}

void Binder::announce(std::string line) {
  if (state_.flags.verbose) print(announcement(line));
}

void Binder::load(const LoadRequest& request) {
  const bool dry_run = state_.flags.dry_run;
  if (!request.tensor) {
    require_new(request.alias);
    Origin origin;
    StateDict names = open_model(request.alias, request.path, origin);
    if (dry_run) return;
    state_.workspace.add(request.alias, std::move(names));
    state_.origins.insert_or_assign(request.alias, std::move(origin));
    contribute(request.alias);
    return;
  }
  const std::string label = label_of(request.alias, *request.tensor);
  current_.looked_at.push_back({request.alias, *request.tensor, true});
  if (exists(request.alias) && names_of(request.alias).find(*request.tensor) != nullptr)
    throw Error(ErrorCode::plan, current_.step->name() + ".to: destination already exists: " + label);
  Origin origin;
  const StateDict file = open_model(request.alias, request.path, origin);
  if (!request.formats.empty() && std::ranges::find(request.formats, origin.format) == request.formats.end()) {
    throw Error(ErrorCode::plan, fmt::format("{}.format: '{}' is of format {}, not {}", current_.step->name(),
                                             request.path, origin.format, request.formats.front()));
  }
  if (file.names().size() != 1) {
    throw Error(ErrorCode::plan, fmt::format("{}: '{}' holds {} tensors; 'to' takes a file with exactly one",
                                             current_.step->name(), request.path, file.names().size()));
  }
  if (!open(request.alias)) state_.workspace.add(request.alias, StateDict());
  state_.workspace.at(request.alias).put(*request.tensor, file.names().begin()->second.expr);
  count_created(request.alias, *request.tensor);
  current_.delta.push_back({DeltaEntry::Kind::created, request.alias, *request.tensor, ""});
  contribute(request.alias);
  if (dry_run) return;
  state_.changed.insert(request.alias);
  state_.kept.erase(request.alias);
}

const std::shared_ptr<Compiler>& Binder::compiler() {
  if (compiler_ == nullptr) compiler_ = std::make_shared<Compiler>(CompileOptions{options_.fuse});
  return compiler_;
}

void Binder::save(const SaveRequest& request) {
  require_known(request.alias);
  current_.looked_at.push_back({request.alias, request.tensor.value_or(""), request.tensor.has_value()});
  const StateDict& model = names_of(request.alias);
  ModelContent saved = content_of(request.alias, StateDict(request.target.path));
  if (request.tensor) {
    const NamedTensor* tensor = model.find(*request.tensor);
    if (tensor == nullptr) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}.target: tensor does not exist: {}", current_.step->name(),
                              label_of(request.alias, *request.tensor)),
                  {}, nearest_names(*request.tensor, request.alias));
    }
    saved.names.put(*request.tensor, tensor->expr, tensor->storage);
  } else {
    if (model.names().empty() && state_.changed.contains(request.alias)) {
      throw Error(ErrorCode::plan,
                  fmt::format("{}: nothing is left to write: no tensor remains in {}", current_.step->name(),
                              request.alias));
    }
    saved.names = model;
  }
  PlanOutput target;
  static_cast<FileTarget&>(target) = request.target;
  target.span = current_.step->span;
  const std::string reason = fmt::format("step {}, {}", current_.step->index + 1, current_.step->name());
  // A dry run leaves nothing behind in the compiler of files that are written.
  auto files = state_.flags.dry_run ? std::make_shared<Compiler>(CompileOptions{options_.fuse}) : compiler();
  auto output = std::make_shared<BoundOutput>(
      bind_files(env_, registries_.formats, {target, current_.step->name(), true, request.tensor.has_value()}, saved,
                 request.alias, reason, options_, {std::move(files)}));
  for (const std::string& warning : output->warnings)
    events_.on(events::Warning{{Severity::warning, current_.step->span, current_.step->name() + ": " + warning, {}}});
  if (state_.flags.dry_run) return;
  require_unpublished(request.target.path);
  state_.kept.insert(request.alias);
  for (const auto& [name, tensor] : saved.names.names()) count(request.alias, name, 1, 0);
  output->owned = owned_files(request.target.path);
  ModelContent written = output->content;
  add_effect(SaveEffect{std::move(output)});
  state_.saved.insert_or_assign(canonical_path(env_, request.target.path), std::move(written));
}

void Binder::require_unpublished(const std::string& path) {
  if (!state_.published.insert(canonical_path(env_, path)).second) {
    throw Error(ErrorCode::plan, fmt::format("'{}' is written twice by this plan", path), {},
                {"what was written first would be lost"});
  }
}

std::vector<std::string> Binder::owned_files(const std::string& directory) const {
  std::vector<std::string> owned;
  for (const auto& input : checkpoints_.all()) {
    const Checkpoint& checkpoint = input->checkpoint;
    const bool whole = checkpoint.is_directory || checkpoint.files.size() > 1;
    if (!whole || !same_entry(env_, checkpoint.root.empty() ? "." : checkpoint.root, directory)) continue;
    std::ranges::copy(checkpoint.files, std::back_inserter(owned));
    if (!checkpoint.index.empty()) owned.push_back(checkpoint.index);
  }
  return owned;
}

const Origin& Binder::origin_of(const std::string& alias) const {
  static const Origin kNone;
  const auto found = state_.origins.find(alias);
  return found == state_.origins.end() ? kNone : found->second;
}

void Binder::add_alias(const std::string& alias) {
  require_new(alias);
  change_aliases([&](Workspace& workspace) { workspace.add(alias, StateDict()); });
  contribute(alias);
}

void Binder::remove_alias(const std::string& alias) {
  require_known(alias);
  if (state_.pending.erase(alias) > 0) return;
  change_aliases([&](Workspace& workspace) {
    if (workspace.find(alias) != nullptr) workspace.erase(alias);
  });
  state_.origins.erase(alias);
  state_.changed.erase(alias);
  state_.kept.erase(alias);
}

void Binder::rename_alias(const std::string& from, const std::string& to) {
  require_known(from);
  require_new(to);
  contribute(to);
  if (auto input = state_.pending.extract(from); !input.empty()) {
    input.key() = to;
    input.mapped().alias = to;
    state_.pending.insert(std::move(input));
    return;
  }
  change_aliases([&](Workspace& workspace) {
    if (workspace.find(from) != nullptr) workspace.rename(from, to);
  });
  if (auto origin = state_.origins.extract(from); !origin.empty()) {
    origin.key() = to;
    state_.origins.insert(std::move(origin));
  }
  if (auto origin = state_.origins_before_dry_run.extract(from); !origin.empty()) {
    origin.key() = to;
    state_.origins_before_dry_run.insert(std::move(origin));
  }
  for (std::set<std::string>* aliases : {&state_.changed, &state_.kept})
    if (aliases->erase(from) > 0) aliases->insert(to);
}

void Binder::set_flags(const PlanFlags& flags) {
  if (flags.dry_run && !state_.flags.dry_run) {
    state_.before_dry_run = state_.workspace;
    state_.origins_before_dry_run = state_.origins;
  }
  if (!flags.dry_run && state_.flags.dry_run) {
    state_.workspace = *std::move(state_.before_dry_run);
    state_.before_dry_run.reset();
    restore_origins();
  }
  state_.flags = flags;
}

std::string Binder::read_text(const std::string& path) {
  try {
    return env_.read_text(path, kMaxPlanBytes);
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, error.what());
  }
}

void Binder::execute(const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) {
  const std::vector<std::string> known = aliases();
  if (!default_alias && known.size() == 1) default_alias = known.front();
  StepDecoder decoder(registries_, default_alias, {known.begin(), known.end()});
  const int errors = current_.diagnostics->error_count();
  std::vector<PreparedStep> prepared;
  for (std::size_t i = 0; i < steps.size() && !decoder.lost_aliases(); ++i) {
    Diagnostics mistakes;
    if (std::optional<PreparedStep> step = decoder.decode(steps[i], static_cast<int>(i), mistakes))
      prepared.push_back(*std::move(step));
    for (Diagnostic item : mistakes.items()) {
      item.notes.push_back(fmt::format("in step #{} of this {}", i, current_.step->name()));
      current_.diagnostics->add(std::move(item));
    }
  }
  // Nothing is done of steps that cannot all be read.
  if (current_.diagnostics->error_count() > errors) return;
  int done = 0;
  const ScopedValue executing(executing_, true);
  for (const PreparedStep& step : prepared) {
    if (state_.exited) break;
    done += bind(step, {step.index + 1, static_cast<int>(prepared.size())}, *current_.diagnostics) ? 1 : 0;
  }
  announce(fmt::format("{}: executed {}/{}", current_.step->name(), done, prepared.size()));
}

bool Binder::preview(PlanState before, std::size_t first_effect) {
  const PreparedStep& step = *current_.step;
  std::map<DeltaEntry::Kind, std::set<std::string>> touched;
  for (const DeltaEntry& entry : current_.delta) touched[entry.kind].insert(entry_label(entry));
  std::vector<std::string> buckets;
  for (const auto& [kind, word] : {std::pair{DeltaEntry::Kind::changed, "changed"},
                                   {DeltaEntry::Kind::created, "created"},
                                   {DeltaEntry::Kind::deleted, "deleted"}}) {
    const std::set<std::string>& labels = touched[kind];
    if (!labels.empty()) buckets.push_back(fmt::format("{}[{}] {}", word, labels.size(), fmt::join(labels, ", ")));
    previewed_[kind].insert(labels.begin(), labels.end());
  }
  if (const auto& edited = current_.edited; !edited.empty())
    buckets.push_back(fmt::format("edited[{}] {}", edited.size(), fmt::join(edited, ", ")));
  any_preview_ = true;
  const auto* control = std::get_if<Control>(&step.step->action);
  const bool impact = !buckets.empty() || (control != nullptr && control->has_impact);
  const std::string head = fmt::format("preview {}/{} {}: ", current_.place.number, current_.place.count, step.name());
  std::string lines =
      head + (buckets.empty() ? "no tensor impact" : fmt::format("{}", fmt::join(buckets, " | "))) + "\n";
  bool done = true;
  if (impact && state_.flags.dry_run) {
    lines += head + "dry-run+preview, apply skipped\n";
    done = false;
  } else if (impact && confirm_) {
    events_.on(events::Printed{std::move(lines)});
    done = confirm_(head + "go/no-go [go/no-go, default no-go]: ");
    lines = done ? "" : head + "no-go, apply skipped\n";
  }
  std::get<PrintEffect>(effects_[first_effect].what).text = std::move(lines);
  if (!done) {
    effects_.erase(effects_.begin() + static_cast<std::ptrdiff_t>(first_effect) + 1, effects_.end());
    state_ = std::move(before);
  }
  return done;
}

std::string Binder::take_preview_totals() {
  if (!std::exchange(any_preview_, false)) return "";
  auto previewed = std::exchange(previewed_, {});
  const auto size = [&](DeltaEntry::Kind kind) { return previewed[kind].size(); };
  return fmt::format("preview session: changed[{}], created[{}], deleted[{}]\n", size(DeltaEntry::Kind::changed),
                     size(DeltaEntry::Kind::created), size(DeltaEntry::Kind::deleted));
}

}  // namespace brainsurgery
