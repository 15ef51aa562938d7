#include "session/publish_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "formats/model_family.h"
#include "publish/staged_directory.h"
#include "publish/staged_file.h"
#include "publish/staging.h"

namespace brainsurgery {
namespace {

// An input that changed while it was read may have given bytes of two versions.
void require_unchanged(const std::map<std::string, Checkpoint>& inputs) {
  for (const auto& [alias, checkpoint] : inputs) {
    const ReadableFile* before = nullptr;
    for (const TensorEntry& tensor : checkpoint.tensors) {
      if (tensor.file.get() == before) continue;
      before = tensor.file.get();
      if (!before->current_status().same_content(before->status())) {
        throw Error(ErrorCode::run,
                    fmt::format("input '{}' was changed by another program while it was read; nothing is published",
                                before->path()));
      }
    }
  }
}

void write_file(const BoundOutput& output, const PhysicalPlan& plan, WritableFile& file, Executor& executor) {
  try {
    executor.write(plan, file);
  } catch (const Error& error) {
    throw error.with_note(fmt::format("while writing '{}'; what was there is unchanged", output.report.path));
  }
}

void publish_directory(Env& env, const BoundOutput& output, Executor& executor,
                       const std::map<std::string, Checkpoint>& inputs, const PublishOptions& options,
                       EventSink& events) {
  const std::vector<std::string> indexed = indexed_files(env, output.report.path);
  const auto belongs = [&](std::string_view name) {
    return is_model_file(name) || std::ranges::find(indexed, name) != indexed.end() ||
           std::ranges::find(output.owned, name) != output.owned.end();
  };
  StagedDirectory staged(env, output.report.path, belongs, options);
  for (const OutputFile& file : output.files) write_file(output, *file.plan, staged.create(file.name), executor);
  require_unchanged(inputs);
  PublishReport report = staged.commit();
  std::vector<std::string> names;
  for (const OutputFile& file : output.files) names.push_back(file.name);
  for (const std::string& name : report.kept) {
    if (is_other_model_file(name)) {
      events.on(events::Warning{
          {Severity::warning,
           {},
           fmt::format("'{}' in '{}' belongs to another checkpoint and was kept; some loaders may prefer it", name,
                       output.report.path),
           {}}});
    }
  }
  events.on(events::Published{output.report.path, std::move(names), std::move(report.removed), report.atomic});
}

}  // namespace

void publish_output(Env& env, const BoundOutput& output, Executor& executor,
                    const std::map<std::string, Checkpoint>& inputs, const SessionOptions& options, EventSink& events) {
  const std::string parent = std::filesystem::path(output.report.path).parent_path().string();
  check_free_space(env, output.directory ? output.report.path : parent.empty() ? "." : parent, output.report.bytes);
  const PublishOptions publish{output.overwrite, options.sync};
  if (output.directory) {
    publish_directory(env, output, executor, inputs, publish, events);
    return;
  }
  StagedFile staged(env, output.report.path, publish);
  write_file(output, *output.files.front().plan, staged.file(), executor);
  require_unchanged(inputs);
  staged.commit();
  events.on(events::Published{output.report.path, {}, {}, true});
}

}  // namespace brainsurgery
