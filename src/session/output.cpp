#include "session/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/spelling.h"
#include "base/text.h"
#include "base/units.h"
#include "formats/safetensors.h"
#include "formats/shards.h"
#include "session/binder.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse(const WriteTarget& target, const std::string& message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, fmt::format("{}: {}", target.where, message), target.place.span, std::move(notes));
}

WriteTarget target_of(const PlanOutput& output) { return {output, "output"}; }

struct Choice {
  std::string alias;
  std::string reason;
};

// The alias that is written: the one named, else the only one that steps wrote to and that still holds tensors, else
// the only input.
Choice choose_alias(const Plan& plan, const WriteTarget& target, Binder& binder) {
  const PlanState& state = binder.state();
  if (const std::optional<std::string>& model = target.place.model) {
    if (binder.open(*model)) return {*model, "named by output.model"};
    const std::vector<std::string> known = binder.aliases();
    std::vector<std::string> notes = did_you_mean(*model, known);
    notes.push_back(fmt::format("aliases: {}", fmt::join(known, ", ")));
    refuse(target, fmt::format("model '{}' is not an alias of this plan", *model), std::move(notes));
  }
  std::vector<std::string> candidates;
  for (const std::string& alias : state.contributing) {
    const StateDict* names = state.workspace.find(alias);
    if (names != nullptr && !names->names().empty()) candidates.push_back(alias);
  }
  if (candidates.size() == 1) return {candidates.front(), "the only alias that steps wrote to"};
  if (candidates.size() > 1) {
    refuse(target, fmt::format("cannot infer which model to write: steps wrote to {}", fmt::join(candidates, ", ")),
           {"name it: output: {path: ..., model: " + candidates.front() + "}"});
  }
  if (!state.contributing.empty()) {
    refuse(target,
           fmt::format("nothing is left to write: no tensor remains in {}", fmt::join(state.contributing, ", ")));
  }
  if (plan.inputs.size() != 1) {
    refuse(target, "cannot infer which model to write: no step writes to one",
           {"name it: output: {path: ..., model: ALIAS}"});
  }
  static_cast<void>(binder.open(plan.inputs.front().alias));
  return {plan.inputs.front().alias, "the only input"};
}

struct Destination {
  bool directory = false;
  std::optional<std::int64_t> shard_bytes;  // nullopt: one file
};

std::optional<std::int64_t> parse_shard(const WriteTarget& target, const std::string& text) {
  if (text == "none") return std::nullopt;
  const std::optional<std::int64_t> size = parse_size(text);
  if (!size)
    refuse(target, fmt::format("shard: '{}' is not a size; write an integer and a unit, as in 5GB, or none", text));
  if (*size == 0) refuse(target, fmt::format("shard: the size '{}' must be positive", text));
  return size;
}

Destination choose_destination(Env& env, const WriteTarget& target, const std::string& default_shard) {
  const PlanOutput& output = target.place;
  const std::string suffix = ascii_lower(std::filesystem::path(output.path).extension().string());
  const std::optional<FileStatus> status = env.status(output.path);
  const bool is_directory = (status && status->kind == FileStatus::Kind::directory) || output.path.ends_with('/');
  const std::string format = output.format.value_or("safetensors");
  const bool torch_suffix = suffix == ".pt" || suffix == ".pth" || suffix == ".bin";
  if (format == "torch" || format == "dcp" || (!output.format && !is_directory && torch_suffix)) {
    refuse(target, fmt::format("'{}': this version writes safetensors, no PyTorch files", output.path),
           {"use a path that ends in .safetensors, or a directory"});
  }
  if (format != "safetensors")
    refuse(target, fmt::format("format: expected one of safetensors, torch, dcp, found '{}'", format));
  Destination destination;
  destination.directory = is_directory || suffix.empty();
  if (destination.directory && status && !is_directory) {
    refuse(target, fmt::format("'{}' exists and is not a directory", output.path),
           {"end the path in .safetensors for a single file"});
  }
  if (!destination.directory && suffix != ".safetensors") {
    refuse(target, fmt::format("'{}' has the suffix '{}', which is no format's", output.path, suffix),
           {"end it in .safetensors, or leave the suffix out for a directory"});
  }
  if (output.shard) {
    destination.shard_bytes = parse_shard(target, *output.shard);
    if (destination.shard_bytes && !destination.directory) {
      refuse(target, fmt::format("shard: '{}' is a single file; sharding needs a directory", output.path));
    }
  } else if (destination.directory) {
    destination.shard_bytes = parse_shard(target, default_shard);
  }
  return destination;
}

// What is written, in key order.
struct Content {
  std::vector<NamedDesc> descs;
  std::vector<Expr> exprs;
};

OutputFile make_file(std::string name, const Content& content, const std::vector<std::size_t>& chosen,
                     const Metadata& metadata, const CompileOptions& options) {
  std::vector<NamedDesc> descs;
  for (const std::size_t i : chosen) descs.push_back(content.descs[i]);
  SafetensorsLayout layout = layout_safetensors(descs, metadata);
  auto plan = std::make_unique<PhysicalPlan>(options);
  plan->add_bytes(std::move(layout.header));
  for (const std::size_t i : layout.order) plan->add_tensor(content.exprs[chosen[i]]);
  BS_CHECK(plan->size() == layout.file_size);
  return {std::move(name), std::move(plan)};
}

std::vector<OutputFile> make_files(const Content& content, const Destination& destination, const Metadata& metadata,
                                   const CompileOptions& options) {
  std::vector<OutputFile> files;
  if (!destination.shard_bytes) {
    std::vector<std::size_t> all(content.descs.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    files.push_back(make_file(destination.directory ? kSingleFileName : "", content, all, metadata, options));
    return files;
  }
  ShardPlan shards = plan_shards(content.descs, *destination.shard_bytes);
  for (const Shard& shard : shards.shards)
    files.push_back(make_file(shard.file_name, content, shard.tensors, metadata, options));
  auto index = std::make_unique<PhysicalPlan>(options);
  index->add_bytes(std::move(shards.index_text));
  files.push_back({std::move(shards.index_name), std::move(index)});
  return files;
}

}  // namespace

BoundOutput bind_files(Env& env, const WriteTarget& target, const ModelContent& model, const std::string& alias,
                       const std::string& reason, const SessionOptions& options) {
  const std::string& path = target.place.path;
  const Destination destination = choose_destination(env, target, options.shard_size);
  BoundOutput result;
  result.directory = destination.directory;
  result.overwrite = target.place.overwrite.value_or(options.overwrite);
  if (!result.overwrite && !result.directory && env.status(path, false)) {
    throw Error(ErrorCode::run, fmt::format("{} '{}' exists and is not to be overwritten", target.where, path),
                target.place.span);
  }
  Content content;
  for (const auto& [name, tensor] : model.names.in_key_order()) {
    content.descs.push_back({std::string(name), tensor->expr.desc()});
    content.exprs.push_back(tensor->expr);
  }
  result.files = make_files(content, destination, with_format_pair(model.metadata), {options.fuse});
  result.report = {alias, path, reason, {}, std::ssize(content.descs), 0, 0, 0};
  for (const OutputFile& file : result.files) {
    result.report.files.push_back(file.name.empty() ? path : (std::filesystem::path(path) / file.name).string());
    result.report.bytes += file.plan->size();
    result.report.bytes_copied += file.plan->bytes_copied();
    result.report.bytes_computed += file.plan->bytes_computed();
    result.peak_bytes = std::max(result.peak_bytes, peak_materialized_bytes(*file.plan));
  }
  return result;
}

void check_output(Env& env, const Plan& plan, const SessionOptions& options, Diagnostics& diagnostics) {
  if (!plan.output) return;
  try {
    choose_destination(env, target_of(*plan.output), options.shard_size);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::plan) throw;
    diagnostics.add(error);
  }
}

std::optional<BoundOutput> bind_output(Env& env, const Plan& plan, Binder& binder, const SessionOptions& options) {
  if (!plan.output) return std::nullopt;
  const WriteTarget target = target_of(*plan.output);
  const Choice choice = choose_alias(plan, target, binder);
  const PlanState& state = binder.state();
  if (state.published.contains(canonical_path(plan.output->path)))
    refuse(target, fmt::format("'{}' is written by a step of this plan too", plan.output->path));
  BoundOutput result =
      bind_files(env, target, {*state.workspace.find(choice.alias), binder.origin_of(choice.alias).metadata},
                 choice.alias, choice.reason, options);
  result.owned = binder.owned_files(plan.output->path);
  for (const std::string& alias : state.changed) {
    if (alias != choice.alias)
      result.warnings.push_back(fmt::format("model '{}' was changed and is not written", alias));
  }
  return result;
}

}  // namespace brainsurgery
