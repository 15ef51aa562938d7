#include "session/publish_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "base/text.h"
#include "formats/dcp.h"
#include "formats/model_family.h"
#include "publish/recovery.h"
#include "publish/staging.h"
#include "session/recovery_text.h"

namespace brainsurgery {

Publication::Publication(Env& env, const SessionOptions& options, EventSink& events, const BoundOutput& output)
    : env_(env), events_(events), output_(output) {
  const OutputReport& report = output.report;
  events_.on(events::OutputStarted{report.alias, report.path, report.reason, report.tensors, report.planned.written,
                                   report.planned.copied, report.planned.computed, report.carried, report.changes});
  check_free_space(env_, output.directory ? report.path : split_path(report.path).directory, output.space_bytes);
  const PublishOptions publish{output.overwrite, options.sync};
  if (output.directory) {
    stage_directory(publish);
  } else {
    file_.emplace(env_, report.path, publish);
    warn_of_recovery(events_, file_->recovery(), split_path(report.path).directory);
  }
}

bool Publication::writes_dcp() const {
  return std::ranges::find(output_.files, kDcpMetadata, &OutputFile::name) != output_.files.end();
}

void Publication::stage_directory(const PublishOptions& options) {
  const std::string& path = output_.report.path;
  const auto belongs = [&output = output_, is_dcp = writes_dcp(),
                        indexed = indexed_files(env_, path)](std::string_view name) {
    return (is_dcp ? is_dcp_file(name) : is_model_file(name)) ||
           std::ranges::find(indexed, name) != indexed.end() ||
           std::ranges::find(output.owned, name) != output.owned.end();
  };
  // Before what may refuse the directory as it is then.
  warn_of_recovery(events_, recover(env_, path, options.sync), path);
  directory_.emplace(env_, path, belongs, options);
  warn_of_recovery(events_, directory_->recovery(), path);
}

WritableFile& Publication::attach(std::size_t i) {
  return file_ ? file_->file() : directory_->create(output_.files[i].name);
}

const std::string& Publication::staged_path() const {
  return file_ ? file_->staged_path() : directory_->staged_path();
}

std::string Publication::failure_note() const {
  return fmt::format("while writing '{}'; {}", output_.report.path,
                     file_ && file_->replaces() ? "the existing file was left untouched"
                                                : "nothing was published there");
}

// An input that changed while it was read may have given bytes of two versions. Of what this run replaced itself, or
// linked into a new folder, the change times moved, the content did not.
void Publication::require_unchanged(const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                                    bool replaced_some) const {
  for (const auto& input : inputs) {
    for (const auto& file : input->files) require_unchanged(*file, replaced_some);
  }
  for (const auto& file : output_.carried) require_unchanged(*file, replaced_some);
}

void Publication::require_unchanged(const ReadableFile& file, bool replaced_some) const {
  const FileStatus& before = file.status();
  FileStatus now = file.current_status();
  if (replaced_some) now.ctime_ns = before.ctime_ns;
  if (now.same_content(before)) return;
  throw Error(ErrorCode::run,
              fmt::format("input '{}' was changed by another program while it was read; '{}' is not published",
                          file.path(), output_.report.path));
}

void Publication::commit_directory(const ByteCounts& moved) {
  const BoundOutput& output = output_;
  PublishReport report = directory_->commit();
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
  const bool is_alone = std::ranges::count(output.files, false, &OutputFile::is_carried) == 1;  // no index says that nothing else belongs to it
  for (const std::string& name : report.kept) {
    if (is_other_model_file(name) || (writes_dcp() ? is_model_file(name) : is_dcp_file(name))) {
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
                               moved.shared});
}

void Publication::commit(const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs, bool replaced_some,
                         const ByteCounts& moved) {
  require_unchanged(inputs, replaced_some);
  throw_if_interrupted();
  if (directory_) return commit_directory(moved);
  file_->commit();
  events_.on(events::Published{output_.report.path, {}, {}, true, moved.shared});
}

}  // namespace brainsurgery
