#include "brainsurgery/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <tuple>

#include "base/resources.h"
#include "base/thread_pool.h"
#include "formats/inspect.h"
#include "plan/config_items.h"
#include "session/binder.h"
#include "session/explain.h"
#include "session/oly_conversion.h"
#include "session/output.h"
#include "session/publish_output.h"

namespace brainsurgery {
namespace {

// A plan after the first pass. It stays where it was made: the binder refers to what stands before it.
struct BoundPlan {
  Plan plan;
  Diagnostics diagnostics;
  std::unique_ptr<Binder> binder;
  std::optional<BoundOutput> output;
  RunReport report;
};

// The first line of a reason is the message; further ones, of the alternatives of an `any`, are notes.
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

// Every assertion that headers alone decide against.
void throw_failed_assertions(const Binder& binder) {
  std::vector<Diagnostic> failures;
  for (const CheckEffect& effect : binder.effects()) {
    const std::optional<Verdict> verdict = decide(*effect.check);
    if (verdict && !verdict->pass) failures.push_back(failure_of(*verdict, effect.span));
  }
  if (!failures.empty()) throw Error(ErrorCode::assertion, std::move(failures));
}

// Every input that could not be opened.
void throw_unreadable(const Binder& binder) {
  std::vector<Diagnostic> failures;
  for (const Error& error : binder.unreadable()) std::ranges::copy(error.diagnostics(), std::back_inserter(failures));
  if (!failures.empty()) throw Error(ErrorCode::run, std::move(failures));
}

enum class Purpose : std::uint8_t { perform, look };

// Calls `work` and turns what it throws into a value: the only place of the library where errors become one.
template <typename Work>
auto guarded(const Work& work) -> Outcome<decltype(work())> {
  try {
    return work();
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::run, "out of memory");
  } catch (const std::exception& error) {
    return Error(ErrorCode::internal, fmt::format("internal error: {}", error.what()));
  }
}

}  // namespace

class Session::Impl {
 public:
  Impl(Env& env, EventSink& events, SessionOptions options)
      : env_(env), events_(events), options_(std::move(options)) {}

  RunReport run(const PlanSource& source) {
    const std::unique_ptr<const BoundPlan> bound = bind(source, Purpose::perform);
    std::int64_t done = 0;
    const std::int64_t total = bound->output ? bound->output->report.bytes : 0;
    ThreadPool pool(options_.threads > 0 ? options_.threads : default_thread_count());
    Executor checker(pool, exec_options(), nullptr);
    for (const CheckEffect& effect : bound->binder->effects()) perform(effect, checker);
    if (!bound->output) return bound->report;
    announce(*bound->output);
    Executor executor(pool, exec_options(), [&](std::int64_t bytes) {
      done += bytes;
      events_.on(events::Progress{done, total});
    });
    publish_output(env_, *bound->output, executor, bound->binder->checkpoints(), options_, events_);
    return bound->report;
  }

  RunReport check(const PlanSource& source) {
    const std::unique_ptr<const BoundPlan> bound = bind(source, Purpose::look);
    for (const PlanInput& input : bound->plan.inputs) {
      if (!bound->binder->checkpoints().contains(input.alias))
        warn(fmt::format("input '{}' ({}) is not used", input.alias, input.path), input.span);
    }
    return bound->report;
  }

  std::string explain(const PlanSource& source) {
    const std::unique_ptr<const BoundPlan> bound = bind(source, Purpose::look);
    return explain_plan(bound->plan, *bound->binder, bound->output ? &*bound->output : nullptr);
  }

  std::string plan_to_oly(const PlanSource& source) { return brainsurgery::plan_to_oly(source, options_.environment); }

  Checkpoint inspect(const std::string& path) {
    Checkpoint checkpoint = open_checkpoint(env_, registries_.formats, path);
    for (const std::string& warning : checkpoint.warnings) warn(warning);
    return checkpoint;
  }

 private:
  void warn(std::string message, const SourceSpan& span = {}) {
    events_.on(events::Warning{{Severity::warning, span, std::move(message), {}}});
  }

  std::unique_ptr<const BoundPlan> bind(const PlanSource& source, Purpose purpose) {
    auto owner = std::make_unique<BoundPlan>();
    BoundPlan& bound = *owner;
    Diagnostics& diagnostics = bound.diagnostics;
    const std::optional<Config> config = read_config(source.items, options_.environment, diagnostics);
    if (!config) throw_mistakes(diagnostics, source);
    bound.plan = parse_plan(config->root, config->referred_keys, diagnostics);
    std::vector<PreparedStep> steps = prepare_steps(bound.plan, registries_, diagnostics);
    // Behind a step that cannot be read nothing is certain; what comes before it is bound all the same.
    const bool complete = !diagnostics.has_errors();
    if (!complete) steps.erase(first_gap(steps), steps.end());
    bound.binder =
        std::make_unique<Binder>(env_, registries_, events_, bound.plan, diagnostics, purpose == Purpose::perform);
    for (const PreparedStep& step : steps) {
      if (!diagnostics.enough()) bound.binder->bind(step);
    }
    check_output(env_, bound.plan, options_, diagnostics);
    for (const Diagnostic& item : diagnostics.items()) {
      if (item.severity == Severity::warning) events_.on(events::Warning{item});
    }
    if (diagnostics.has_errors()) {
      for (const Error& error : bound.binder->unreadable()) diagnostics.add(error);
    }
    throw_mistakes(diagnostics, source);
    throw_unreadable(*bound.binder);
    bound.output = bind_output(env_, bound.plan, *bound.binder, options_);
    throw_unreadable(*bound.binder);
    throw_failed_assertions(*bound.binder);
    if (bound.output) {
      for (const std::string& warning : bound.output->warnings) warn(warning);
      bound.report.outputs.push_back(bound.output->report);
      bound.report.peak_whole_tensor_bytes = bound.output->peak_bytes;
    }
    bound.report.steps = static_cast<int>(steps.size());
    bound.report.assertions = static_cast<int>(bound.binder->effects().size());
    bound.report.undecided_assertions = static_cast<int>(std::ranges::count_if(
        bound.binder->effects(), [](const CheckEffect& effect) { return !decide(*effect.check).has_value(); }));
    return owner;
  }

  static std::vector<PreparedStep>::const_iterator first_gap(const std::vector<PreparedStep>& steps) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (std::cmp_not_equal(steps[i].index, i)) return steps.begin() + static_cast<std::ptrdiff_t>(i);
    }
    return steps.end();
  }

  // In the order of the items and of their text.
  static void throw_mistakes(const Diagnostics& diagnostics, const PlanSource& source) {
    if (!diagnostics.has_errors()) return;
    std::vector<Diagnostic> errors;
    std::ranges::copy_if(diagnostics.items(), std::back_inserter(errors),
                         [](const Diagnostic& item) { return item.severity == Severity::error; });
    std::ranges::stable_sort(errors, {}, [&](const Diagnostic& item) {
      return std::tuple(std::ranges::find(source.items, item.span.source, &ConfigItem::source) - source.items.begin(),
                        item.span.line, item.span.column);
    });
    if (diagnostics.enough())
      errors.back().notes.push_back(fmt::format("these are the first {} mistakes; there may be more", errors.size()));
    throw Error(ErrorCode::plan, std::move(errors));
  }

  void announce(const BoundOutput& output) {
    const OutputReport& report = output.report;
    events_.on(events::OutputStarted{report.alias, report.path, report.reason, report.tensors, report.bytes,
                                     report.bytes_copied, report.bytes_computed});
  }

  void perform(const CheckEffect& effect, Executor& executor) {
    const std::optional<Verdict> verdict = [&] {
      try {
        return evaluate(*effect.check, executor);
      } catch (const Error& error) {
        throw error.at(effect.span);
      }
    }();
    if (!verdict->pass) throw Error(ErrorCode::assertion, {failure_of(*verdict, effect.span)});
    events_.on(events::AssertionHeld{effect.step});
  }

  [[nodiscard]] ExecOptions exec_options() const {
    ExecOptions options;
    options.tile_bytes = options_.tile_bytes;
    options.budget_bytes = options_.memory_bytes > 0 ? options_.memory_bytes : available_memory_bytes() / 2;
    options.spill_directory = options_.spill_directory;
    options.fuse = options_.fuse;
    return options;
  }

  Env& env_;
  EventSink& events_;
  SessionOptions options_;
  Registries registries_;
};

Session::Session(Env& env, EventSink& events, SessionOptions options)
    : impl_(std::make_unique<Impl>(env, events, std::move(options))) {}
Session::~Session() = default;

Outcome<RunReport> Session::run(const PlanSource& plan) {
  return guarded([&] { return impl_->run(plan); });
}
Outcome<RunReport> Session::check(const PlanSource& plan) {
  return guarded([&] { return impl_->check(plan); });
}
Outcome<std::string> Session::explain(const PlanSource& plan) {
  return guarded([&] { return impl_->explain(plan); });
}
Outcome<std::string> Session::inspect_text(const std::string& path, bool digest) {
  return guarded([&] { return brainsurgery::inspect_text(impl_->inspect(path), digest); });
}
Outcome<std::string> Session::inspect_json(const std::string& path, bool digest) {
  return guarded([&] { return brainsurgery::inspect_json(impl_->inspect(path), digest); });
}
Outcome<std::string> Session::oly_to_yaml(const std::vector<std::shared_ptr<const SourceText>>& texts) {
  return guarded([&] { return brainsurgery::oly_to_yaml(texts); });
}
Outcome<std::string> Session::plan_to_oly(const PlanSource& plan) {
  return guarded([&] { return impl_->plan_to_oly(plan); });
}

}  // namespace brainsurgery
