#include "session/performer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/interrupt.h"
#include "session/division_warnings.h"
#include "session/work_options.h"

namespace brainsurgery {

namespace {

// Of the dense operations that are done for the output.
std::int64_t effort_of(const BoundOutput& output) {
  std::int64_t bytes = 0;
  for (const OutputFile& file : output.files) {
    for (const Stage& stage : file.stages) {
      for (const int buffer : stage.make) bytes += effort_bytes(output.compiler->materializations()[buffer]);
    }
  }
  return bytes;
}

// The conditions without which an assertion cannot hold and that are known as soon as a reduction is settled.
class StoppingConditions {
 public:
  StoppingConditions(const BoundOutput& output, std::span<const Effect> waiting) {
    if (output.passing == nullptr) return;
    for (const Effect& effect : waiting) {
      const auto* check = std::get_if<CheckEffect>(&effect.what);
      if (check == nullptr) continue;
      for (const OpenCondition& open : open_conditions(*check->check)) {
        const auto* const* measured = std::get_if<const checks::Measured*>(&open.condition);
        if (!open.required || measured == nullptr || (*measured)->numbers.size() != 1) continue;
        const int number = output.passing->number_of((*measured)->numbers.front().get());
        if (number >= 0) conditions_.emplace(number, *measured);
      }
    }
  }
  // Whether the value decides against none of them. May be called from several threads.
  [[nodiscard]] bool allow(int number, const Expr& value) const {
    const auto [first, last] = conditions_.equal_range(number);
    const std::vector<Number> values{number_of(value)};
    const auto nothing_more = [](const std::vector<Expr>& numbers) { return std::vector<Number>(numbers.size()); };
    return std::all_of(first, last,
                       [&](const auto& item) { return item.second->judge(values, nothing_more).pass; });
  }

 private:
  std::multimap<int, const checks::Measured*> conditions_;
};

}  // namespace

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
    : env_(env),
      options_(options),
      events_(events),
      pool_(options.threads),
      looker_(pool_, exec_options(options),
              [this](std::int64_t bytes) {
                looked_at_ += bytes;
                events_.on(events::Progress{looked_at_, 0, false, work_});
              }),
      known_(looker_) {}

void Performer::begin(const RunPlan::Section& section) {
  looked_at_ = 0;
  work_ = "assertions and reports";
  known_.forget();
  known_.wait_for(section.found.numbers());
  learn(section.values);
}

void Performer::learn(const ValuePlan& plan) {
  if (plan.numbers().empty()) return;
  try {
    known_.learn(plan.numbers(), looker_.run(plan));
  } catch (const Error& error) {  // whoever asks for the number that cannot be made says so when it is its turn
    throw_if_interrupted();
    if (error.code() == ErrorCode::internal) throw;
  }
}

void Performer::perform(const Effect& effect) {
  looked_at_ = 0;
  work_ = fmt::format("step {}", effect.step + 1);
  try {
    if (const auto* check = std::get_if<CheckEffect>(&effect.what)) perform(*check, effect);
    if (const auto* print = std::get_if<PrintEffect>(&effect.what); print != nullptr && !print->text.empty())
      events_.on(events::Printed{print->text});
    if (const auto* report = std::get_if<ReportEffect>(&effect.what)) perform(*report, effect);
  } catch (const Error& error) {
    throw error.at(effect.span);
  }
}

void Performer::perform(const CheckEffect& effect, const Effect& whole) {
  const std::optional<Verdict> verdict = evaluate(*effect.check, known_);
  if (!verdict->pass) throw Error(ErrorCode::assertion, {failure_of(*verdict, whole.span)});
  events_.on(events::AssertionHeld{whole.step});
  if (!effect.announcement.empty()) events_.on(events::Printed{effect.announcement});
}

void Performer::perform(const ReportEffect& effect, const Effect& whole) {
  ReportText made = effect.report.make(known_);
  if (effect.verbose && !made.announcement.empty())
    made.text += (effect.dry_run ? "dry-run " : "") + made.announcement + "\n";
  events_.on(events::Printed{std::move(made.text)});
  if (made.failed) throw Error(ErrorCode::assertion, *std::move(made.failed), whole.span);
}

bool Performer::fail_anyhow(std::span<const Effect> waiting) {
  return std::ranges::any_of(waiting, [this](const Effect& effect) {
    if (const auto* check = std::get_if<CheckEffect>(&effect.what)) return fails_anyhow(*check->check, known_);
    const auto* report = std::get_if<ReportEffect>(&effect.what);
    return report != nullptr && report->report.values.empty() && !known_.waits_for(report->report.numbers) &&
           report->report.make(known_).failed.has_value();
  });
}

bool Performer::write(const BoundOutput& output, Executor& executor, Publication& publication) {
  if (std::exchange(compiler_, output.compiler) != output.compiler) made_.reset();
  std::vector<Executor::FileTask> tasks;
  for (const OutputFile& file : output.files) tasks.push_back({*file.plan, file.stages});
  try {
    return executor.write(
        tasks, [&publication](std::size_t i) -> WritableFile& { return publication.attach(i); }, made_);
  } catch (const Error& error) {
    throw error.with_note(publication.failure_note());
  }
}

ByteCounts Performer::publish(const RunPlan::Section& section, const Inputs& inputs, std::span<const Effect> waiting,
                              const std::function<void()>& settle, const Examine& examine) {
  const BoundOutput& output = *section.files;
  const std::int64_t effort = effort_of(output);
  const std::int64_t total = output.report.planned.written + effort;
  const std::string work = fmt::format("writing '{}'", output.report.path);
  std::int64_t done = 0;
  Executor executor(pool_, exec_options(options_), [&, total](std::int64_t bytes) {
    done = std::min(done + bytes, total);
    events_.on(events::Progress{done, total, effort > 0, work});
  });
  const StoppingConditions stopping(output, waiting);
  std::optional<RunningReductions> running;
  if (output.passing != nullptr) {
    running.emplace(*output.passing,
                    [&stopping](int number, const Expr& value) { return stopping.allow(number, value); });
    executor.watch(*running);
  }
  std::optional<Publication> publication;
  std::optional<Error> failure;
  bool complete = false;
  if (!fail_anyhow(waiting)) {
    try {
      publication.emplace(env_, options_, events_, output);
      complete = write(output, executor, *publication);
    } catch (const Error& error) {
      if (interrupted()) throw;
      failure = error;
    }
  }
  // Whatever ended the writing, what comes before the output in the plan comes first, and so does its failure.
  if (running) {
    const ValuePlan found = with_found(section, options_, [&](int number) {
      return complete ? std::optional(running->value(number)) : running->settled_value(number);
    });
    known_.wait_no_more();
    learn(found);
  }
  settle();
  if (failure) throw *std::move(failure);
  BS_CHECK(complete);
  examine(publication->staged_path());
  publication->commit(inputs, published_, executor.moved());
  published_ = true;
  for (Diagnostic& warning : division_warnings(executor.divisions())) events_.on(events::Warning{std::move(warning)});
  return executor.moved();
}

}  // namespace brainsurgery
