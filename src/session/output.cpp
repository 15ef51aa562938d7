#include "session/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/spelling.h"
#include "base/text.h"
#include "base/units.h"
#include "formats/safetensors.h"
#include "formats/shards.h"

namespace brainsurgery {
namespace {

[[noreturn]] void refuse(const PlanOutput& output, std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, "output: " + std::move(message), output.span, std::move(notes));
}

struct Choice {
  std::string alias;
  std::string reason;
};

// The alias that is written: the one named, else the only one that steps wrote to and that still holds tensors, else
// the only input.
Choice choose_alias(const Plan& plan, const PlanOutput& output, Binder& binder) {
  if (output.model) {
    BS_CHECK(binder.open(*output.model));
    return {*output.model, "named by output.model"};
  }
  std::vector<std::string> candidates;
  for (const std::string& alias : binder.contributing()) {
    if (!binder.workspace().find(alias)->names().empty()) candidates.push_back(alias);
  }
  if (candidates.size() == 1) return {candidates.front(), "the only alias that steps wrote to"};
  if (candidates.size() > 1) {
    refuse(output, fmt::format("cannot infer which model to write: steps wrote to {}", fmt::join(candidates, ", ")),
           {"name it: output: {path: ..., model: " + candidates.front() + "}"});
  }
  if (!binder.contributing().empty()) {
    refuse(output,
           fmt::format("nothing is left to write: no tensor remains in {}", fmt::join(binder.contributing(), ", ")));
  }
  if (plan.inputs.size() != 1) {
    refuse(output, "cannot infer which model to write: no step writes to one",
           {"name it: output: {path: ..., model: ALIAS}"});
  }
  static_cast<void>(binder.open(plan.inputs.front().alias));
  return {plan.inputs.front().alias, "the only input"};
}

void check_model(const Plan& plan, const PlanOutput& output) {
  std::vector<std::string> known;
  for (const PlanInput& input : plan.inputs) known.push_back(input.alias);
  if (known.empty()) known.push_back(kImplicitAlias);
  if (!output.model || std::ranges::find(known, *output.model) != known.end()) return;
  std::vector<std::string> notes;
  if (const auto near = nearest(*output.model, known)) notes.push_back(fmt::format("did you mean '{}'?", *near));
  notes.push_back(fmt::format("aliases: {}", fmt::join(known, ", ")));
  refuse(output, fmt::format("model '{}' is not an alias of this plan", *output.model), std::move(notes));
}

struct Destination {
  bool directory = false;
  std::optional<std::int64_t> shard_bytes;  // nullopt: one file
};

std::optional<std::int64_t> parse_shard(const PlanOutput& output, const std::string& text) {
  if (text == "none") return std::nullopt;
  const std::optional<std::int64_t> size = parse_size(text);
  if (!size)
    refuse(output, fmt::format("shard: '{}' is not a size; write an integer and a unit, as in 5GB, or none", text));
  if (*size == 0) refuse(output, fmt::format("shard: the size '{}' must be positive", text));
  return size;
}

Destination choose_destination(Env& env, const PlanOutput& output, const std::string& default_shard) {
  const std::string suffix = ascii_lower(std::filesystem::path(output.path).extension().string());
  const std::optional<FileStatus> status = env.status(output.path);
  const bool is_directory = (status && status->kind == FileStatus::Kind::directory) || output.path.ends_with('/');
  const std::string format = output.format.value_or("safetensors");
  const bool torch_suffix = suffix == ".pt" || suffix == ".pth" || suffix == ".bin";
  if (format == "torch" || format == "dcp" || (!output.format && !is_directory && torch_suffix)) {
    refuse(output, fmt::format("'{}': this version writes safetensors, no PyTorch files", output.path),
           {"use a path that ends in .safetensors, or a directory"});
  }
  if (format != "safetensors")
    refuse(output, fmt::format("format: expected one of safetensors, torch, dcp, found '{}'", format));
  Destination destination;
  destination.directory = is_directory || suffix.empty();
  if (destination.directory && status && !is_directory) {
    refuse(output, fmt::format("'{}' exists and is not a directory", output.path),
           {"end the path in .safetensors for a single file"});
  }
  if (!destination.directory && suffix != ".safetensors") {
    refuse(output, fmt::format("'{}' has the suffix '{}', which is no format's", output.path, suffix),
           {"end it in .safetensors, or leave the suffix out for a directory"});
  }
  if (output.shard) {
    destination.shard_bytes = parse_shard(output, *output.shard);
    if (destination.shard_bytes && !destination.directory) {
      refuse(output, fmt::format("shard: '{}' is a single file; sharding needs a directory", output.path));
    }
  } else if (destination.directory) {
    destination.shard_bytes = parse_shard(output, default_shard);
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

void check_output(Env& env, const Plan& plan, const SessionOptions& options, Diagnostics& diagnostics) {
  if (!plan.output) return;
  for (const auto& check : {std::function([&] { check_model(plan, *plan.output); }),
                            std::function([&] { choose_destination(env, *plan.output, options.shard_size); })}) {
    try {
      check();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::plan) throw;
      diagnostics.add(error);
    }
  }
}

std::optional<BoundOutput> bind_output(Env& env, const Plan& plan, Binder& binder, const SessionOptions& options) {
  if (!plan.output) return std::nullopt;
  const PlanOutput& output = *plan.output;
  const Destination destination = choose_destination(env, output, options.shard_size);
  const Choice choice = choose_alias(plan, output, binder);
  BoundOutput result;
  result.directory = destination.directory;
  result.overwrite = output.overwrite.value_or(options.overwrite);
  if (!result.overwrite && !result.directory && env.status(output.path, false)) {
    throw Error(ErrorCode::run, fmt::format("output '{}' exists and is not to be overwritten", output.path),
                output.span);
  }
  for (const std::string& alias : binder.changed()) {
    if (alias != choice.alias)
      result.warnings.push_back(fmt::format("model '{}' was changed and is not written", alias));
  }
  Content content;
  for (const auto& [name, tensor] : binder.workspace().find(choice.alias)->in_key_order()) {
    content.descs.push_back({std::string(name), tensor->expr.desc()});
    content.exprs.push_back(tensor->expr);
  }
  const auto origin = binder.checkpoints().find(choice.alias);
  const Metadata metadata =
      with_format_pair(origin == binder.checkpoints().end() ? Metadata() : origin->second.metadata);
  result.files = make_files(content, destination, metadata, {options.fuse});
  result.report = {choice.alias, output.path, choice.reason, {}, std::ssize(content.descs), 0, 0, 0};
  for (const OutputFile& file : result.files) {
    result.report.files.push_back(file.name.empty() ? output.path
                                                    : (std::filesystem::path(output.path) / file.name).string());
    result.report.bytes += file.plan->size();
    result.report.bytes_copied += file.plan->bytes_copied();
    result.report.bytes_computed += file.plan->bytes_computed();
    result.peak_bytes = std::max(result.peak_bytes, peak_materialized_bytes(*file.plan));
  }
  for (const auto& [alias, checkpoint] : binder.checkpoints()) {
    std::error_code different;
    if (destination.directory && checkpoint.is_directory &&
        std::filesystem::equivalent(checkpoint.path, output.path, different)) {
      std::ranges::copy(checkpoint.files, std::back_inserter(result.owned));
    }
  }
  return result;
}

}  // namespace brainsurgery
