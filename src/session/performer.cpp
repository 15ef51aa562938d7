#include "session/performer.h"

#include "base/resources.h"

namespace brainsurgery {

Diagnostic failure_of(const Verdict& verdict, const SourceSpan& span) {
  Diagnostic failure{
      Severity::error, span, "assertion failed: " + verdict.reason.substr(0, verdict.reason.find('\n')), {}};
  for (std::size_t end = verdict.reason.find('\n'); end != std::string::npos;) {
    const std::size_t begin = end + 1;
    end = verdict.reason.find('\n', begin);
    failure.notes.push_back(verdict.reason.substr(begin, end == std::string::npos ? end : end - begin));
  }
  return failure;
}

Performer::Performer(Env& env, const SessionOptions& options, EventSink& events)
    : options_(options),
      events_(events),
      pool_(options.threads > 0 ? options.threads : default_thread_count()),
      looker_(pool_, exec_options(), nullptr),
      publisher_(env, options, events) {}

void Performer::perform(const Effect& effect, const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs) {
  try {
    if (const auto* check = std::get_if<CheckEffect>(&effect.what)) perform(*check, effect);
    if (const auto* print = std::get_if<PrintEffect>(&effect.what); print != nullptr && !print->text.empty())
      events_.on(events::Printed{print->text});
    if (const auto* report = std::get_if<ReportEffect>(&effect.what)) perform(*report, effect);
    if (const auto* save = std::get_if<SaveEffect>(&effect.what)) publish(*save->output, inputs);
  } catch (const Error& error) {
    throw error.at(effect.span);
  }
}

void Performer::perform(const CheckEffect& effect, const Effect& whole) {
  const std::optional<Verdict> verdict = evaluate(*effect.check, looker_);
  if (!verdict->pass) throw Error(ErrorCode::assertion, {failure_of(*verdict, whole.span)});
  events_.on(events::AssertionHeld{whole.step});
  if (!effect.announcement.empty()) events_.on(events::Printed{effect.announcement});
}

void Performer::perform(const ReportEffect& effect, const Effect& whole) {
  ReportText made = effect.report.make(looker_);
  if (effect.verbose && !made.announcement.empty())
    made.text += (effect.dry_run ? "dry-run " : "") + made.announcement + "\n";
  events_.on(events::Printed{std::move(made.text)});
  if (made.failed) throw Error(ErrorCode::assertion, *std::move(made.failed), whole.span);
}

void Performer::publish(const BoundOutput& output, const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs) {
  std::int64_t done = 0;
  Executor executor(pool_, exec_options(), [&](std::int64_t bytes) {
    done += bytes;
    events_.on(events::Progress{done, output.report.bytes});
  });
  publisher_.publish(output, executor, inputs);
}

ExecOptions Performer::exec_options() const {
  ExecOptions options;
  options.tile_bytes = options_.tile_bytes;
  options.budget_bytes = options_.memory_bytes > 0 ? options_.memory_bytes : available_memory_bytes() / 2;
  options.spill_directory = options_.spill_directory;
  options.fuse = options_.fuse;
  options.early_writeback = options_.sync;
  return options;
}

}  // namespace brainsurgery
