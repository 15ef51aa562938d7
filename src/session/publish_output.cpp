#include "session/publish_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/interrupt.h"
#include "base/text.h"
#include "formats/dcp.h"
#include "formats/model_family.h"
#include "publish/recovery.h"
#include "publish/staged_directory.h"
#include "publish/staged_file.h"
#include "publish/staging.h"
#include "session/recovery_text.h"

namespace brainsurgery {
namespace {

// `open`: file number i of the output. `replaces`: one file that is there.
void write_files(const BoundOutput& output, bool replaces, const std::function<WritableFile&(std::size_t i)>& open,
                 Executor& executor) {
  std::vector<Executor::FileTask> tasks;
  for (const OutputFile& file : output.files) tasks.push_back({*file.plan, file.stages});
  try {
    executor.write(tasks, open);
  } catch (const Error& error) {
    throw error.with_note(
        fmt::format("while writing '{}'; {}", output.report.path,
                    replaces ? "the existing file was left untouched" : "nothing was published there"));
  }
}

}  // namespace

// An input that changed while it was read may have given bytes of two versions. Of what this run replaced itself, or
// linked into a new folder, the change times moved, the content did not.
void Publisher::require_unchanged(const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                                  const BoundOutput& output) const {
  for (const auto& input : inputs) {
    for (const auto& before : input->files) {
      FileStatus now = before->current_status();
      if (published_) now.ctime_ns = before->status().ctime_ns;
      if (!now.same_content(before->status())) {
        throw Error(ErrorCode::run,
                    fmt::format("input '{}' was changed by another program while it was read; '{}' is not published",
                                before->path(), output.report.path));
      }
    }
  }
}

void Publisher::publish_directory(const BoundOutput& output, Executor& executor,
                                  const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                                  const PublishOptions& options, const Settle& settle) {
  const std::vector<std::string> indexed = indexed_files(env_, output.report.path);
  const bool writes_dcp = std::ranges::find(output.files, kDcpMetadata, &OutputFile::name) != output.files.end();
  const auto belongs = [&](std::string_view name) {
    return (writes_dcp ? is_dcp_file(name) : is_model_file(name)) ||
           std::ranges::find(indexed, name) != indexed.end() ||
           std::ranges::find(output.owned, name) != output.owned.end();
  };
  // Before what may refuse the directory as it is then.
  warn_of_recovery(events_, recover(env_, output.report.path, options.sync), output.report.path);
  StagedDirectory staged(env_, output.report.path, belongs, options);
  warn_of_recovery(events_, staged.recovery(), output.report.path);
  write_files(
      output, false, [&](std::size_t i) -> WritableFile& { return staged.create(output.files[i].name); }, executor);
  settle();
  require_unchanged(inputs, output);
  throw_if_interrupted();
  PublishReport report = staged.commit();
  if (!report.swapped_out.empty()) {
    events_.on(events::Warning{
        {Severity::warning,
         {},
         fmt::format("another program changed files in '{}' while it was replaced; they are kept in '{}'",
                     output.report.path, report.swapped_out),
         {}}});
  }
  std::vector<std::string> names;
  for (const OutputFile& file : output.files) names.push_back(file.name);
  const bool is_alone = names.size() == 1;  // no index says that nothing else belongs to it
  for (const std::string& name : report.kept) {
    if (is_other_model_file(name) || (writes_dcp ? is_model_file(name) : is_dcp_file(name))) {
      events_.on(events::Warning{
          {Severity::warning,
           {},
           fmt::format("'{}' in '{}' belongs to another checkpoint and was kept; some loaders may prefer it", name,
                       output.report.path),
           {}}});
    } else if (is_alone && !name.starts_with('.') && ascii_lower(name).ends_with(".safetensors")) {
      events_.on(events::Warning{{Severity::warning,
                                  {},
                                  fmt::format("'{}' in '{}' was kept; programs reading this directory will load both",
                                              name, output.report.path),
                                  {}}});
    }
  }
  events_.on(events::Published{output.report.path, std::move(names), std::move(report.removed), report.atomic,
                               executor.moved().shared});
}

ByteCounts Publisher::publish(const BoundOutput& output, Executor& executor,
                              const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                              const Settle& settle) {
  const OutputReport& report = output.report;
  events_.on(events::OutputStarted{report.alias, report.path, report.reason, report.tensors, report.planned.written,
                                   report.planned.copied, report.planned.computed});
  check_free_space(env_, output.directory ? report.path : split_path(report.path).directory, output.space_bytes);
  const PublishOptions publish{output.overwrite, options_.sync};
  if (output.directory) {
    publish_directory(output, executor, inputs, publish, settle);
  } else {
    StagedFile staged(env_, report.path, publish);
    warn_of_recovery(events_, staged.recovery(), split_path(report.path).directory);
    write_files(
        output, staged.replaces(), [&](std::size_t) -> WritableFile& { return staged.file(); }, executor);
    settle();
    require_unchanged(inputs, output);
    throw_if_interrupted();
    staged.commit();
    events_.on(events::Published{report.path, {}, {}, true, executor.moved().shared});
  }
  published_ = true;
  return executor.moved();
}

}  // namespace brainsurgery
