#include "session/performer.h"

#include <algorithm>

#include "base/interrupt.h"
#include "base/scoped_value.h"
#include "session/known_answers.h"
#include "session/work_options.h"

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
      pool_(options.threads),
      looker_(pool_, exec_options(options),
              [this](std::int64_t bytes) {
                looked_at_ += bytes;
                events_.on(events::Progress{looked_at_, 0});
              }),
      publisher_(env, options, events) {}

ByteCounts Performer::perform(const Effect& effect,
                              const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs) {
  looked_at_ = 0;
  try {
    if (const auto* check = std::get_if<CheckEffect>(&effect.what)) perform(*check, effect);
    if (const auto* print = std::get_if<PrintEffect>(&effect.what); print != nullptr && !print->text.empty())
      events_.on(events::Printed{print->text});
    if (const auto* report = std::get_if<ReportEffect>(&effect.what)) perform(*report, effect);
    if (const auto* save = std::get_if<SaveEffect>(&effect.what)) return publish(*save->output, inputs, {}, [] {});
    return {};
  } catch (const Error& error) {
    throw error.at(effect.span);
  }
}

void Performer::perform(const CheckEffect& effect, const Effect& whole) {
  const std::optional<Verdict> verdict = evaluate(*effect.check, *oracle_);
  if (!verdict->pass) throw Error(ErrorCode::assertion, {failure_of(*verdict, whole.span)});
  events_.on(events::AssertionHeld{whole.step});
  if (!effect.announcement.empty()) events_.on(events::Printed{effect.announcement});
}

void Performer::perform(const ReportEffect& effect, const Effect& whole) {
  ReportText made = effect.report.make(*source_);
  if (effect.verbose && !made.announcement.empty())
    made.text += (effect.dry_run ? "dry-run " : "") + made.announcement + "\n";
  events_.on(events::Printed{std::move(made.text)});
  if (made.failed) throw Error(ErrorCode::assertion, *std::move(made.failed), whole.span);
}

ByteCounts Performer::publish(const BoundOutput& output,
                              const std::vector<std::shared_ptr<const OpenedCheckpoint>>& inputs,
                              std::span<const Effect> waiting, const std::function<void()>& settle) {
  const std::int64_t effort = output.files.empty() ? 0 : effort_bytes(output.files.front().plan->materializations());
  const std::int64_t total = output.report.planned.written + effort;
  std::int64_t done = 0;
  Executor executor(pool_, exec_options(options_), [&, total](std::int64_t bytes) {
    done = std::min(done + bytes, total);
    events_.on(events::Progress{done, total, effort > 0});
  });
  if (output.questions == nullptr) return publisher_.publish(output, executor, inputs, settle);
  Answers answers(*output.questions);
  executor.watch(answers);
  KnownAnswers known(answers, output, looker_);
  const ScopedValue<DataOracle*> oracle(oracle_, &known);
  const ScopedValue<DataSource*> source(source_, &known);
  bool settled = false;
  const auto settle_once = [&] {
    settled = true;
    settle();
  };
  // Whatever ends the writing, what comes before the output in the plan comes first, and so does its failure.
  try {
    if (std::ranges::any_of(waiting, [&](const Effect& effect) { return known.fails_anyhow(effect); }))
      throw TestFailed{};
    return publisher_.publish(output, executor, inputs, settle_once);
  } catch (const TestFailed&) {
    known.programs_were_stopped();
    settle_once();
    fail_check("what failed while the output was made fails", __FILE__, __LINE__);
  } catch (const Error&) {
    if (settled || interrupted()) throw;
    known.programs_were_stopped();
    settle_once();
    throw;
  }
}

}  // namespace brainsurgery
