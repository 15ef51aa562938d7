#include "session/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "base/interrupt.h"
#include "base/spelling.h"
#include "documents/adapter_names.h"
#include "exec/memory_model.h"
#include "exec/shared_extents.h"
#include "formats/shards.h"
#include "publish/staging.h"
#include "session/binder.h"
#include "session/carried_files.h"
#include "session/destination.h"
#include "session/output_metadata.h"
#include "session/stored_content.h"
#include "session/tie_records.h"
#include "session/work_options.h"

namespace brainsurgery {
namespace {

WriteTarget target_of(const PlanOutput& output) { return {output, "output"}; }

struct Choice {
  std::string alias;
  std::string reason;
};

// Of the aliases that steps wrote to, loaded or renamed those that hold tensors; where some were changed, only these.
std::vector<std::string> output_candidates(const std::set<std::string>& written, Binder& binder) {
  std::vector<std::string> holding;
  for (const std::string& alias : written) {
    const std::size_t unreadable = binder.mistakes().unreadable().size();
    if (!binder.models().open(alias)) continue;
    const StateDict* names = binder.state().models.workspace.find(alias);
    if (!names->names().empty() || binder.mistakes().unreadable().size() > unreadable) holding.push_back(alias);
  }
  std::vector<std::string> changed;
  std::ranges::copy_if(holding, std::back_inserter(changed),
                       [&](const std::string& alias) { return binder.models().beside(alias).changed; });
  return changed.empty() ? holding : changed;
}

// The alias that is written: the one named, else the only one that steps wrote to and that still holds tensors, else
// the only input.
Choice choose_alias(const Plan& plan, const WriteTarget& target, Binder& binder) {
  const PlanState& state = binder.state();
  if (const std::optional<std::string>& model = target.place.model) {
    if (binder.models().open(*model)) return {*model, "named by output.model"};
    const std::vector<std::string> known = binder.models().aliases();
    std::vector<std::string> notes = did_you_mean(*model, known);
    notes.push_back(fmt::format("aliases: {}", fmt::join(known, ", ")));
    refuse_target(target, fmt::format("model '{}' is not an alias of this plan", *model), std::move(notes));
  }
  const std::set<std::string>& written = state.contributing.empty() ? state.contributing_inside : state.contributing;
  const std::vector<std::string> candidates = output_candidates(written, binder);
  const bool changed = !candidates.empty() && binder.models().beside(candidates.front()).changed;
  if (candidates.size() == 1) {
    const bool is_input = std::ranges::find(plan.inputs, candidates.front(), &PlanInput::alias) != plan.inputs.end();
    return {candidates.front(), changed    ? "the only model the steps changed"
                                : is_input ? "the only input"
                                           : "the only model the steps loaded or renamed"};
  }
  if (candidates.size() > 1) {
    refuse_target(target,
                  fmt::format("cannot infer which model to write: the steps {} {}", changed ? "changed" : "loaded",
                              fmt::join(candidates, ", ")),
                  {"name it: output: {path: ..., model: " + candidates.front() + "}"});
  }
  if (!written.empty()) {
    refuse_target(target, fmt::format("nothing is left to write: no tensor remains in {}", fmt::join(written, ", ")));
  }
  if (plan.inputs.size() != 1 || !binder.models().open(plan.inputs.front().alias)) {
    refuse_target(target, "cannot infer which model to write: no step changes one",
                  {"name it: output: {path: ..., model: ALIAS}"});
  }
  return {plan.inputs.front().alias, "the only input"};
}

// A file holds elements.
void require_readable(const WriteTarget& target, const std::string& alias, const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (is_readable(tensor->expr)) continue;
    try {
      require_readable(tensor->expr, label_of(alias, std::string(name)));
    } catch (const Error& error) {
      refuse_target(target, error.what(), error.diagnostics().front().notes);
    }
  }
}

void require_pairs(const WriteTarget& target, const Format& format, const MetadataEdit& edit) {
  if (format.problem_of_pair == nullptr) return;
  for (const auto& [key, value] : edit.set) {
    if (const auto problem = format.problem_of_pair(key, value))
      refuse_target(target, fmt::format("metadata.set: '{}': {}", key, *problem));
  }
}

// What is said of a pair of names that the metadata tied when they were read.
std::vector<std::string> stale_tie_warnings(const Metadata& stale, const Format& format) {
  if (stale.empty() || !format.records_ties) return {};
  const auto& [name, other] = stale.front();
  return {fmt::format("dropped metadata that tied '{}' to '{}'{}: the tensors no longer have these names", name, other,
                      stale.size() == 1 ? "" : fmt::format(", and {} more pairs", stale.size() - 1))};
}

ShardPlan shards_of(const NamedTensors& tensors, std::int64_t shard_bytes) {
  std::vector<SizedName> sized;
  sized.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors)
    sized.push_back({name, byte_count(tensor->expr.dtype(), tensor->expr.shape())});
  return plan_shards(sized, shard_bytes);
}

bool writes_several(const Destination& destination, const StateDict& names) {
  return destination.shard_bytes && shards_of(names.in_key_order(), *destination.shard_bytes).shards.size() > 1;
}

// Whether the model is an adapter, as PEFT has them: loaders look for its tensors in one file of a certain name.
bool is_adapter(const ModelContent& model) {
  if (model.documents.contains(std::string(kAdapterConfigName))) return true;
  return model.folder != nullptr && model.folder->checkpoint.files == std::vector{std::string(kAdapterFileName)};
}

// How the files of a model are to be made.
struct FileOptions {
  std::string_view file_name = kSingleFileName;  // in a directory, without shards
  bool single_tensor = false;
  bool aligned = false;
  std::shared_ptr<Compiler> compiler;  // of all of them
  const CheckpointExtras* extras = nullptr;  // that go with them; or nullptr
};

// Lays out the files of one model.
class FileMaker {
 public:
  FileMaker(const Destination& destination, const Metadata& metadata, FileOptions options)
      : destination_(destination), format_(*destination.format), metadata_(metadata), options_(std::move(options)) {}

  std::vector<OutputFile> make(const NamedTensors& tensors) {
    if (format_.layout_directory != nullptr) return make_directory(tensors);
    if (destination_.shard_bytes) return make_shards(tensors);
    std::vector<OutputFile> files;
    files.push_back(make_file(destination_.directory ? std::string(options_.file_name) : "", tensors));
    return files;
  }
  // Of the files that were made.
  [[nodiscard]] const DecodedTensors& decoded() const { return decoded_; }
  [[nodiscard]] std::vector<std::string>& warnings() { return warnings_; }

 private:
  StoredContent stored(std::span<const NamedTensors::value_type> tensors) {
    StoredContent stored = store(tensors, format_);
    decoded_ += stored.decoded;
    return stored;
  }

  // One file of the tensors chosen.
  OutputFile make_file(std::string name, std::span<const NamedTensors::value_type> tensors) {
    StoredContent content = stored(tensors);
    FileRequest request{content.tensors, content.content_bytes, metadata_};
    std::vector<std::optional<ContentOrigin>> origins;
    if (options_.aligned) {
      origins = origins_of(content.contents);
      request.origins = &origins;
    }
    const bool alone = options_.single_tensor && format_.layout_tensor != nullptr;
    FileLayout layout = alone ? format_.layout_tensor(request) : format_.layout(request);
    content.tensors = std::vector<StoredTensor>();  // of use no more, and as large as the layout
    return {std::move(name), physical_plan(std::move(layout), content.contents, options_.compiler)};
  }

  std::vector<OutputFile> make_directory(const NamedTensors& tensors) {
    StoredContent content = stored(tensors);
    if (options_.extras != nullptr) warnings_ = store_objects(*options_.extras, content);
    FileRequest request{content.tensors, content.content_bytes, metadata_};
    request.objects = content.objects;
    request.extras = options_.extras;
    DirectoryLayout directory = format_.layout_directory(request);
    std::ranges::move(directory.warnings, std::back_inserter(warnings_));
    std::vector<OutputFile> files;
    for (auto& [name, layout] : directory.files)
      files.push_back({name, physical_plan(std::move(layout), content.contents, options_.compiler)});
    return files;
  }

  std::vector<OutputFile> make_shards(const NamedTensors& tensors) {
    ShardPlan shards = shards_of(tensors, *destination_.shard_bytes);
    std::vector<OutputFile> files;
    for (const Shard& shard : shards.shards) {
      const auto chosen = std::span(tensors).subspan(shard.begin, shard.end - shard.begin);
      files.push_back(make_file(shard.file_name, chosen));
    }
    auto index = std::make_unique<PhysicalPlan>(PhysicalPlan::with_compiler(options_.compiler));
    index->add_bytes(std::move(shards.index_text));
    files.push_back({std::move(shards.index_name), std::move(index)});
    return files;
  }

  const Destination& destination_;
  const Format& format_;
  const Metadata& metadata_;
  FileOptions options_;
  DecodedTensors decoded_;
  std::vector<std::string> warnings_;
};

// Quantised tensors that are written plainly: which steps changed, or whose blocks the format does not have.
std::vector<std::string> decoded_warnings(const DecodedTensors& decoded, const Format& format) {
  if (decoded.empty()) return {};
  return {decoded.text(format.keeps_blocks
                           ? " that steps changed"
                           : fmt::format(", which a {} checkpoint cannot hold as they were", format.name))};
}

// By number of a passing reduction: whether a program has a tap for it.
std::vector<bool> tapped(const std::vector<OutputFile>& files, std::size_t count) {
  std::vector<bool> found(count, false);
  for (const OutputFile& file : files) {
    for (const Segment& segment : file.plan->segments()) {
      const auto* tensor = std::get_if<CompiledTensor>(&segment.content);
      if (tensor == nullptr) continue;
      for (const Tap& tap : tensor->program->taps) found[static_cast<std::size_t>(tap.number)] = true;
    }
  }
  return found;
}

// Leaves out what is tied, where the plan says so, and fits the metadata to the names that are left; the plan's own edits
// of them see the records of ties. `recorded`: keys of such records that were read. Gives warnings.
std::vector<std::string> settle_content(const WriteTarget& target, const Destination& destination,
                                        const std::set<std::string>& recorded, ModelContent& content) {
  const Format& format = *destination.format;
  std::vector<std::string> all;
  const auto warn = [&](std::vector<std::string> warnings) {
    std::ranges::move(warnings, std::back_inserter(all));
  };
  std::set<std::string> ties = recorded;
  if (target.place.tied == TiedTensors::drop && !format.shares_contents) {
    const Metadata dropped = drop_tied(content.names);
    for (const auto& [name, other] : dropped) ties.insert(name);
    record_dropped(dropped, content.metadata);
  }
  const StateDict& names = content.names;
  const auto& edit = target.place.metadata;
  if (edit) {
    require_pairs(target, format, *edit);
    warn(edit_metadata(content.metadata, *edit, ties, "output.metadata"));
    for (const auto& [key, value] : edit->set) ties.erase(key);
  }
  const Metadata stale = remove_stale_ties(content.metadata, ties, names);
  if (!target.single_tensor) warn(stale_tie_warnings(stale, format));
  if (format.has_metadata)
    warn(fit_part_pairs(content.metadata, names, writes_several(destination, names)));
  return all;
}

}  // namespace

bool BoundOutput::finds_part_of(const Expr& number) const {
  if (passing == nullptr) return false;
  return std::ranges::any_of(reductions_of(number), [this](const Expr& reduction) {
    const int place = passing->number_of(reduction.get());
    return place >= 0 && found[static_cast<std::size_t>(place)];
  });
}

BoundOutput bind_files(Env& env, const FormatRegistry& formats, const WriteTarget& target, const ModelContent& model,
                       const std::string& alias, const std::string& reason, const SessionOptions& options,
                       FilePlanning planning) {
  const std::string& path = target.place.path;
  Destination destination = choose_destination(env, formats, target, options.shard_size);
  const bool makes_adapter = is_adapter(model) && destination.directory && destination.format->layout_directory == nullptr;
  if (makes_adapter && target.place.shard && destination.shard_bytes)
    refuse_target(target, fmt::format("shard: '{}' is an adapter, whose tensors are in one file", alias));
  if (makes_adapter) destination.shard_bytes.reset();
  BoundOutput result;
  result.directory = destination.directory;
  result.expect = target.place.expect;
  result.overwrite = target.place.overwrite.value_or(options.overwrite);
  if (!result.overwrite && !result.directory && env.status(path, false)) {
    throw Error(ErrorCode::run, fmt::format("{} '{}' already exists; overwriting is disabled", target.where, path),
                target.place.span);
  }
  result.content = {{model.metadata, model.ties, std::string(destination.format->name)}, model.names};
  if (destination.format->takes_extras) result.content.extras = model.extras;
  result.content.opened = model.opened;
  result.warnings = settle_content(target, destination, model.ties, result.content);
  const NamedTensors tensors = result.content.names.in_key_order();
  require_readable(target, alias, tensors);
  try {
    FileMaker maker(destination, result.content.metadata,
                    {makes_adapter ? kAdapterFileName : kSingleFileName, target.single_tensor,
                     target.place.layout == FileArrangement::aligned, planning.compiler, result.content.extras.get()});
    planning.compiler->tap(planning.passing.get());
    result.files = maker.make(tensors);
    std::ranges::move(decoded_warnings(maker.decoded(), *destination.format), std::back_inserter(result.warnings));
    std::ranges::move(maker.warnings(), std::back_inserter(result.warnings));
  } catch (const Error& error) {  // what the format cannot hold
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
    refuse_target(target, fmt::format("'{}': {}", path, error.what()));
  }
  result.report.alias = alias;
  result.report.path = path;
  result.report.reason = reason;
  result.report.tensors = std::ssize(tensors);
  result.compiler = std::move(planning.compiler);
  if (planning.passing) result.found = tapped(result.files, planning.passing->size());
  result.passing = std::move(planning.passing);
  add_carried_files(env, formats, target, model, result);
  const bool aligned = target.place.layout == FileArrangement::aligned;
  for (const OutputFile& file : result.files) {
    result.space_bytes += file.plan->size() - (aligned ? shareable_bytes(*file.plan) : 0);
    result.report.files.push_back(file.name.empty() ? path : join_path(path, file.name));
  }
  return result;
}

void schedule_files(const std::vector<BoundOutput*>& outputs, const SessionOptions& options) {
  if (outputs.empty()) return;
  const ExecOptions exec = exec_options(options);
  Scheduler scheduler(outputs.front()->compiler->materializations(), schedule_limits(exec, options.threads));
  for (BoundOutput* output : outputs) {
    BS_CHECK(output->compiler == outputs.front()->compiler);
    for (OutputFile& file : output->files) {
      file.stages = scheduler.schedule(*file.plan);
      output->report.planned += byte_counts(*file.plan, file.stages);
      output->peak_bytes = std::max(output->peak_bytes, peak_whole_bytes(file.stages));
      output->growth_bytes = std::max(
          output->growth_bytes, predicted_growth(*file.plan, file.stages, scheduler.in_files(), exec, options.threads));
    }
  }
}

void check_output(Env& env, const FormatRegistry& formats, const Plan& plan, const SessionOptions& options,
                  Diagnostics& diagnostics) {
  if (!plan.output) return;
  try {
    static_cast<void>(choose_destination(env, formats, target_of(*plan.output), options.shard_size));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::plan) throw;
    diagnostics.add(error);
  }
}

std::optional<BoundOutput> bind_output(Env& env, const FormatRegistry& formats, const Plan& plan, Binder& binder,
                                       const SessionOptions& options,
                                       std::shared_ptr<const PassingReductions> passing) {
  if (!plan.output) return std::nullopt;
  const WriteTarget target = target_of(*plan.output);
  const Choice choice = choose_alias(plan, target, binder);
  const PlanState& state = binder.state();
  if (state.published.contains(canonical_path(env, plan.output->path)))
    refuse_target(target, fmt::format("'{}' is written by a step of this plan too", plan.output->path));
  const ModelContent model = binder.models().content(choice.alias, *state.models.workspace.find(choice.alias));
  BoundOutput result =
      bind_files(env, formats, target, model, choice.alias, choice.reason, options, {binder.compiler(), std::move(passing)});
  result.owned = binder.checkpoints().owned_files(plan.output->path);
  for (const auto& [alias, beside] : state.models.beside) {
    const StateDict* names = state.models.workspace.find(alias);
    const bool kept = !beside.changed || alias == choice.alias || beside.kept;
    if (!kept && names != nullptr && !names->names().empty())
      result.warnings.push_back(fmt::format("model '{}' was changed and is not written", alias));
  }
  return result;
}

}  // namespace brainsurgery
