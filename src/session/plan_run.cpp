#include "session/plan_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <tuple>

#include "base/interrupt.h"
#include "base/resources.h"
#include "formats/staged_checkpoint.h"
#include "plan/config_items.h"
#include "publish/recovery.h"
#include "publish/staged_file.h"
#include "publish/staging.h"
#include "session/digests.h"
#include "session/plan_targets.h"
#include "session/recovery_text.h"
#include "session/summary.h"
#include "session/work_options.h"

namespace brainsurgery {
namespace {

std::vector<PreparedStep>::const_iterator first_gap(const std::vector<PreparedStep>& steps) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (std::cmp_not_equal(steps[i].index, i)) return steps.begin() + static_cast<std::ptrdiff_t>(i);
  }
  return steps.end();
}

// Takes everything back that was done since it was made, unless it is told to keep it.
class Attempt {
 public:
  Attempt(Binder& binder, std::size_t& performed) : binder_(binder), before_(binder.mark()), performed_(performed) {}
  ~Attempt() {
    if (kept_) return;
    performed_ = before_.effects;
    binder_.rewind(std::move(before_));
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  void keep() { kept_ = true; }

 private:
  Binder& binder_;
  Binder::Mark before_;
  std::size_t& performed_;
  bool kept_ = false;
};

}  // namespace

PlanRun::PlanRun(Env& env, const Registries& registries, EventSink& events, const SessionOptions& options,
                 Purpose purpose)
    : env_(env), registries_(registries), events_(events), options_(with_resources(options)), purpose_(purpose) {}

void PlanRun::warn(std::string message, const SourceSpan& span) {
  events_.on(events::Warning{{Severity::warning, span, std::move(message), {}}});
}

void PlanRun::bind(const PlanSource& source) {
  source_ = source;
  bind_plan();
  bind_target();
}

void PlanRun::start(const PlanSource& source) {
  source_ = source;
  bind_plan();
  throw_failed_assertions(binder_->effects().size());
  plan_rest(nullptr);
  for (const RunPlan::Section& section : run_->sections) perform_section(section);
  print_preview_totals();
}

bool PlanRun::do_step(const PreparedStep& step, const StepPlace& place) {
  Attempt attempt(*binder_, performed_);
  Diagnostics diagnostics;
  const bool done = binder_->bind(step, place, diagnostics);
  throw_mistakes(diagnostics);
  plan_rest(nullptr);
  for (const RunPlan::Section& section : run_->sections) perform_section(section);
  attempt.keep();
  if (done) ++bound_steps_;
  return done;
}

void PlanRun::foresee(const std::vector<PreparedStep>& steps, const std::function<void()>& look) {
  const Attempt attempt(*binder_, performed_);
  Diagnostics diagnostics;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepPlace place{static_cast<int>(i) + 1, static_cast<int>(steps.size())};
    static_cast<void>(binder_->bind(steps[i], place, diagnostics));
    throw_mistakes(diagnostics);
  }
  binder_->end_planning();
  look();
}

PlanRun::Cut PlanRun::cut(const Position& position) {
  moved_.resize(performed_);
  const auto first = moved_.begin() + static_cast<std::ptrdiff_t>(position.binder.effects);
  Cut result{{}, {first, moved_.end()}, bound_steps_};
  moved_.erase(first, moved_.end());
  result.binder = binder_->cut(position.binder);
  performed_ = position.binder.effects;
  bound_steps_ = position.bound_steps;
  return result;
}

void PlanRun::put_back(Cut cut) {
  binder_->put_back(std::move(cut.binder));
  moved_.insert(moved_.end(), cut.moved.begin(), cut.moved.end());
  performed_ = binder_->effects().size();
  bound_steps_ = cut.bound_steps;
}

bool PlanRun::look_into(const std::string& alias) {
  Attempt attempt(*binder_, performed_);
  if (!binder_->models().open(alias) || !binder_->mistakes().unreadable().empty()) return false;
  attempt.keep();
  return true;
}

void PlanRun::finish() {
  bind_target();
  perform();
}

void PlanRun::bind_plan() {
  const std::optional<Config> config = read_config(source_.items, options_.environment, diagnostics_);
  if (!config) throw_mistakes(diagnostics_);
  text_ = config->root;
  plan_ = parse_plan(config->root, config->referred_keys, diagnostics_);
  if (!options_.locked_path.empty()) follow_lock(options_.locked_path);
  if (options_.until) {
    plan_.steps.resize(std::min(plan_.steps.size(), static_cast<std::size_t>(*options_.until)));
    plan_.output.reset();
  }
  std::vector<PreparedStep> steps = prepare_steps(plan_, registries_, diagnostics_);
  // Behind a step that cannot be read nothing is certain; what comes before it is bound all the same.
  const bool readable = !diagnostics_.has_errors();
  if (!readable) steps.erase(first_gap(steps), steps.end());
  binder_.emplace(env_, registries_, events_, plan_, options_, purpose_ == Purpose::perform);
  if (!readable && plan_.inputs.empty()) binder_->mistakes().distrust_alias(kImplicitAlias);
  bind_steps(std::move(steps));
  check_output(env_, registries_.formats, plan_, options_, diagnostics_);
  for (const Diagnostic& item : diagnostics_.items()) {
    if (item.severity == Severity::warning) events_.on(events::Warning{item});
  }
  // What a plan asserts comes before what is wrong with steps behind it.
  if (readable && first_mistake_) throw_failed_assertions(*first_mistake_);
  if (readable && first_mistake_) print_known(*first_mistake_);
  throw_mistakes(diagnostics_);
  if (purpose_ == Purpose::look && !options_.dry_run) warn_of_pending_publications();
}

// What a run does to the folders that it writes to, or refuses to do, before anything else.
void PlanRun::warn_of_pending_publications() {
  std::set<std::string> folders;
  for (std::string target : plan_targets(plan_, registries_, env_)) {
    while (target.size() > 1 && target.ends_with('/')) target.pop_back();
    const auto status = env_.status(target);
    const bool is_directory = status && status->kind == FileStatus::Kind::directory;
    if (!is_directory) target = split_path(target).directory;
    if (!env_.status(target) || !folders.insert(target).second) continue;
    const Recovery::Outcome outcome = foreseen_recovery(env_, target);
    if (outcome != Recovery::Outcome::nothing) warn(foreseen_text(outcome, target));
  }
}

void PlanRun::bind_target() {
  if (!binder_->state().flags.dry_run) {
    std::shared_ptr<const PassingReductions> passing;
    if (options_.fuse && plan_.output)
      passing = std::make_shared<PassingReductions>(open_reductions(binder_->effects(), performed_));
    output_ = bind_output(env_, registries_.formats, plan_, *binder_, options_, std::move(passing));
  } else if (plan_.output) {
    warn(fmt::format("this is a dry run: '{}' is not written", plan_.output->path), plan_.output->span);
  }
  throw_mistakes(diagnostics_);
  throw_failed_assertions(binder_->effects().size());
  plan_rest(output_ ? &*output_ : nullptr);
  predict_peak();
  if (!output_) return;
  for (const std::string& warning : output_->warnings) warn(warning);
}

void PlanRun::bind_steps(std::vector<PreparedStep> steps) {
  const int count = static_cast<int>(plan_.steps.size());
  for (const PreparedStep& step : steps) {
    throw_if_interrupted();
    if (diagnostics_.enough() || binder_->state().exited) break;
    const std::size_t effects = binder_->effects().size();
    ++bound_steps_;
    const std::size_t unreadable = binder_->mistakes().unreadable().size();
    const int errors = diagnostics_.error_count();
    static_cast<void>(binder_->bind(step, {step.index + 1, count}, diagnostics_));
    const bool mistaken = diagnostics_.error_count() > errors || binder_->mistakes().unreadable().size() > unreadable;
    if (mistaken && !first_mistake_) first_mistake_ = effects;
  }
}

// In the order of the items and of their text. Inputs that cannot be opened are no mistake of the plan by themselves.
void PlanRun::throw_mistakes(const Diagnostics& diagnostics) const {
  std::vector<Diagnostic> unreadable;
  if (binder_) {
    for (const Error& error : binder_->mistakes().unreadable())
      std::ranges::copy(error.diagnostics(), std::back_inserter(unreadable));
  }
  if (!diagnostics.has_errors()) {
    if (!unreadable.empty()) throw Error(ErrorCode::run, std::move(unreadable));
    return;
  }
  std::vector<Diagnostic> errors;
  std::ranges::copy_if(diagnostics.items(), std::back_inserter(errors),
                       [](const Diagnostic& item) { return item.severity == Severity::error; });
  std::ranges::move(unreadable, std::back_inserter(errors));
  std::ranges::stable_sort(errors, {}, [&](const Diagnostic& item) {
    return std::tuple(std::ranges::find(source_.items, item.span.source, &ConfigItem::source) - source_.items.begin(),
                      item.span.line, item.span.column);
  });
  if (diagnostics.enough())
    errors.back().notes.push_back(fmt::format("these are the first {} mistakes; there may be more", errors.size()));
  throw Error(ErrorCode::plan, std::move(errors));
}

void PlanRun::throw_failed_assertions(std::size_t end) {
  std::vector<Diagnostic> failures;
  std::size_t first = 0;
  const std::vector<Effect>& effects = binder_->effects();
  for (std::size_t i = 0; i < end; ++i) {
    const auto* check = std::get_if<CheckEffect>(&effects[i].what);
    if (check == nullptr) continue;
    const std::optional<Verdict> verdict = decide(*check->check);
    if (!verdict || verdict->pass) continue;
    if (failures.empty()) first = i;
    failures.push_back(failure_of(*verdict, effects[i].span));
  }
  if (failures.empty()) return;
  print_known(first);
  throw Error(ErrorCode::assertion, std::move(failures));
}

void PlanRun::print_known(std::size_t end) {
  if (purpose_ != Purpose::perform) return;
  performer_.emplace(env_, options_, events_);
  int waiting = 0;
  for (std::size_t i = 0; i < end; ++i) {
    const Effect& effect = binder_->effects()[i];
    if (std::holds_alternative<ReportEffect>(effect.what) && needs_data(effect)) ++waiting;
    const auto* check = std::get_if<CheckEffect>(&effect.what);
    const bool prints = check == nullptr || !check->announcement.empty();
    if (prints && !needs_data(effect)) performer_->perform(effect);
  }
  if (waiting == 0) return;
  const int steps = binder_->effects()[end - 1].step + 1;
  warn(fmt::format("{} that {} data {} skipped because a later step failed; run --until {} makes {}",
                   waiting == 1 ? "one report" : fmt::format("{} reports", waiting), waiting == 1 ? "needs" : "need",
                   waiting == 1 ? "was" : "were", steps, waiting == 1 ? "it" : "them"));
}

void PlanRun::plan_rest(BoundOutput* output) {
  std::vector<BoundOutput*> files;
  for (std::size_t i = performed_; i < binder_->effects().size(); ++i) {
    if (const auto* save = std::get_if<SaveEffect>(&binder_->effects()[i].what)) files.push_back(save->output.get());
  }
  if (output != nullptr) files.push_back(output);
  schedule_files(files, options_);
  binder_->end_planning();
  run_.emplace(brainsurgery::run_plan(binder_->effects(), performed_, output, options_));
  const ValueCosts costs = value_costs(*run_, options_);
  costs_.read_bytes += costs.read_bytes;
  costs_.passes += costs.passes;
  costs_.growth_bytes = std::max(costs_.growth_bytes, costs.growth_bytes);
  if (costs.read_bytes > 0) {
    const RunPlan asserted = brainsurgery::run_plan(binder_->effects(), performed_, output, options_, Askers::assertions);
    assertion_bytes_ += value_costs(asserted, options_).read_bytes;
  }
}

void PlanRun::perform_effects(std::size_t end) {
  moved_.resize(performed_);
  for (; performed_ < end; ++performed_) {
    performer_->perform(binder_->effects()[performed_]);
    moved_.emplace_back();
  }
}

std::size_t PlanRun::first_with_files(const RunPlan::Section& section) const {
  std::size_t first = section.begin;
  const auto waits = [&](const Effect& effect) {
    return section.files != nullptr && std::ranges::any_of(wanted_by(effect).numbers, [&](const Expr& number) {
             return section.files->finds_part_of(number);
           });
  };
  while (first < section.end && !waits(binder_->effects()[first])) ++first;
  return first;
}

void PlanRun::perform_section(const RunPlan::Section& section) {
  if (!performer_) performer_.emplace(env_, options_, events_);
  performer_->begin(section);
  perform_effects(first_with_files(section));
  if (section.files == nullptr) return;
  const std::vector<Effect>& effects = binder_->effects();
  const bool saves = section.end < effects.size();
  const std::span<const Effect> waiting = std::span(effects).subspan(performed_, section.end - performed_);
  try {
    const ByteCounts moved = performer_->publish(section, binder_->checkpoints().all(), waiting,
                                                 [&] { perform_effects(section.end); },
                                                 [&](const std::string& staged) { examine(*section.files, staged); });
    if (!saves) {
      output_moved_ = moved;
      return;
    }
    moved_.resize(performed_++);
    moved_.push_back(moved);
  } catch (const Error& error) {
    if (saves) throw error.at(effects[section.end].span);
    throw;
  }
}

void PlanRun::follow_lock(const std::string& path) {
  lock_ = read_lock(env_, path);
  require_same_plan(*text_, *lock_, path);
  for (PlanInput& input : plan_.inputs) {
    const std::string* digest = Lock::digest_of(lock_->inputs, input.alias);
    if (digest == nullptr) {
      throw Error(ErrorCode::plan, fmt::format("'{}' says nothing of the input '{}'", path, input.alias), input.span);
    }
    if (!input.digest) input.digest = *digest;
  }
}

// Those that state a digest; all of them where a lock is to be written.
void PlanRun::examine_inputs() {
  for (const PlanInput& input : plan_.inputs) {
    if (!input.digest && !wants_digests()) continue;
    const Checkpoint checkpoint = open_checkpoint(env_, registries_.formats, input.path, options_.threads);
    const ContentDigest found = content_digest(checkpoint, options_.threads);
    input_digests_.insert_or_assign(input.alias, found.whole);
    if (!input.digest) continue;
    try {
      require_equal(found, {lock_ ? fmt::format("'{}'", options_.locked_path) : "the plan", *input.digest, {}},
                    fmt::format("input '{}' ('{}')", input.alias, input.path));
    } catch (const Error& error) {
      throw error.at(input.span);
    }
  }
}

void PlanRun::examine(const BoundOutput& output, const std::string& staged_path) {
  const std::string* locked = lock_ ? Lock::digest_of(lock_->outputs, output.report.path) : nullptr;
  if (lock_ && locked == nullptr) {
    throw Error(ErrorCode::assertion,
                fmt::format("'{}' says nothing of the output '{}'", options_.locked_path, output.report.path));
  }
  if (locked == nullptr && !output.expect && !wants_digests()) return;
  const ContentDigest found =
      content_digest(open_staged_checkpoint(env_, registries_.formats, staged_path, options_.threads),
                     options_.threads);
  const std::string what = fmt::format("what would be written to '{}'", output.report.path);
  if (output.expect) require_equal(found, {"the plan", *output.expect, {}}, what);
  if (locked != nullptr) require_equal(found, {fmt::format("'{}'", options_.locked_path), *locked, {}}, what);
  output_digests_.insert_or_assign(&output, found.whole);
}

void PlanRun::write_lock() {
  if (!wants_digests()) return;
  Lock lock{options_.version, {}, {}, text_};
  for (const PlanInput& input : plan_.inputs) lock.inputs.push_back({input.alias, input_digests_.at(input.alias)});
  for (const OutputReport& output : report().outputs) {
    if (output.digest) lock.outputs.push_back({output.path, *output.digest});
  }
  write_text(options_.lock_path, to_text(lock));
}

void PlanRun::write_text(const std::string& path, const std::string& text) {
  StagedFile staged(env_, path, {.overwrite = true, .sync = options_.sync});
  staged.file().write(0, std::as_bytes(std::span(text)));
  staged.commit();
}

void PlanRun::perform() {
  examine_inputs();
  for (const RunPlan::Section& section : run_->sections) perform_section(section);
  print_preview_totals();
  write_summary();
  write_lock();
}

void PlanRun::print_preview_totals() {
  if (const std::string totals = binder_->previews().take_totals(); !totals.empty()) events_.on(events::Printed{totals});
}

void PlanRun::write_summary() {
  if (options_.summary_path.empty() || binder_->state().flags.dry_run) return;
  const std::string text = summary_text(options_.summary, plan_, binder_->executed(), registries_);
  if (text.empty()) return;
  write_text(options_.summary_path, text);
}

// What the process holds once everything is bound stays, and what performing takes comes on top.
void PlanRun::predict_peak() {
  std::int64_t growth = std::max(costs_.growth_bytes, output_ ? output_->growth_bytes : 0);
  for (const Effect& effect : binder_->effects()) {
    if (const auto* save = std::get_if<SaveEffect>(&effect.what)) growth = std::max(growth, save->output->growth_bytes);
  }
  predicted_peak_bytes_ = std::max(peak_resident_bytes(), resident_bytes() + growth);
}

RunReport PlanRun::report() const {
  RunReport report;
  report.steps = bound_steps_;
  report.predicted_peak_bytes = predicted_peak_bytes_;
  report.assertion_bytes = assertion_bytes_;
  report.report_bytes = costs_.read_bytes - assertion_bytes_;
  report.value_passes = costs_.passes;
  if (performer_) report.value_bytes_read = performer_->value_bytes();
  const auto add = [&](const BoundOutput& output, std::optional<ByteCounts> moved) {
    report.outputs.push_back(output.report);
    report.outputs.back().moved = moved;
    if (const auto digest = output_digests_.find(&output); digest != output_digests_.end())
      report.outputs.back().digest = digest->second;
    report.peak_whole_tensor_bytes = std::max(report.peak_whole_tensor_bytes, output.peak_bytes);
  };
  for (std::size_t i = 0; i < binder_->effects().size(); ++i) {
    const Effect& effect = binder_->effects()[i];
    if (std::holds_alternative<CheckEffect>(effect.what)) {
      ++report.assertions;
      report.undecided_assertions += needs_data(effect) ? 1 : 0;
    }
    if (const auto* save = std::get_if<SaveEffect>(&effect.what))
      add(*save->output, i < moved_.size() ? std::optional(moved_[i]) : std::nullopt);
  }
  if (output_) add(*output_, output_moved_);
  if (purpose_ != Purpose::perform) return report;
  report.peak_resident_bytes = peak_resident_bytes();
  if (options_.summary_path.empty()) report.summary = summary_text(options_.summary, plan_, binder_->executed(), registries_);
  return report;
}

}  // namespace brainsurgery
