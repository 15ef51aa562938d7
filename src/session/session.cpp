#include "brainsurgery/session.h"

#include <fmt/format.h>

#include <new>
#include <span>

#include "base/interrupt.h"
#include "base/text.h"
#include "describe/completion.h"
#include "describe/help_text.h"
#include "describe/json_schema.h"
#include "describe/reference_pages.h"
#include "merging/mergekit/plan.h"
#include "plan/yaml_printer.h"
#include "publish/recovery.h"
#include "publish/staged_file.h"
#include "recipes/recipes.h"
#include "session/digests.h"
#include "session/explain.h"
#include "session/inspection.h"
#include "session/inversion.h"
#include "session/oly_conversion.h"
#include "session/plan_completion.h"
#include "session/plan_help.h"
#include "session/plan_run.h"
#include "session/recovery_text.h"
#include "session/registries.h"
#include "session/run.h"
#include "session/work_options.h"

namespace brainsurgery {
namespace {

// Calls `work`, which `cancellation` ends early, and turns what it throws into a value: the only place of the library
// where errors become one.
template <typename Work>
auto guarded(Cancellation* cancellation, const Work& work) -> Outcome<decltype(work())> {
  const CancellationScope scope(cancellation);
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
  Impl(Env& env, EventSink& events, SessionOptions options, Registries registries)
      : env_(env), events_(events), options_(std::move(options)), registries_(std::move(registries)) {}

  RunReport run(const PlanSource& source) {
    PlanRun run(env_, registries_, events_, options_, PlanRun::Purpose::perform);
    run.bind(source);
    run.perform();
    return run.report();
  }

  std::unique_ptr<Run::Impl> start(const PlanSource& source, Confirm confirm) {
    return std::make_unique<Run::Impl>(env_, registries_, events_, options_, source, std::move(confirm));
  }

  RunReport check(const PlanSource& source) {
    PlanRun run(env_, registries_, events_, options_, PlanRun::Purpose::look);
    run.bind(source);
    for (const auto& [alias, input] : run.binder().state().pending)
      warn(fmt::format("input '{}' ({}) is not used", alias, input.path), input.span);
    return run.report();
  }

  std::string explain(const PlanSource& source) {
    PlanRun run(env_, registries_, events_, options_, PlanRun::Purpose::look);
    run.bind(source);
    return explain_plan(run.plan(), run.binder(), run.run_plan(), run.output(), run.options(),
                        run.report().predicted_peak_bytes);
  }

  std::string plan_to_oly(const PlanSource& source) { return brainsurgery::plan_to_oly(source, options_.environment); }

  std::string invert(const std::shared_ptr<const SourceText>& plan) { return invert_plan(plan, registries_.steps); }

  std::string mergekit_to_plan(const std::shared_ptr<const SourceText>& config, const std::string& output) {
    constexpr std::int64_t kMostBytes = 64 << 20;
    const auto read_text = [this](const std::string& path) -> std::optional<std::string> {
      if (!env_.status(path)) return std::nullopt;
      return env_.read_text(path, kMostBytes);
    };
    return print_yaml(*merging::mergekit_plan(config, output, read_text));
  }

  Cancellation* cancellation() const { return options_.cancellation.get(); }

  int threads() const { return with_resources(options_).threads; }

  Checkpoint inspect(const std::string& path) {
    Checkpoint checkpoint = open_checkpoint(env_, registries_.formats, path, threads());
    for (const std::string& warning : checkpoint.warnings) warn(warning);
    return checkpoint;
  }

  ContentDigest digest(const std::string& path) { return content_digest(inspect(path), threads()); }

  std::string verify(const std::string& path, const std::string& expected_in) {
    const ExpectedContent expected = read_expected(env_, expected_in);
    const ContentDigest found = digest(path);
    require_equal(found, expected, fmt::format("'{}'", path));
    return fmt::format("'{}' is what {} says: {}", path, expected.source,
                       counted(std::ssize(found.tensors), "tensor"));
  }

  std::string repair(const std::string& directory) {
    const auto status = env_.status(directory);
    if (!status || status->kind != FileStatus::Kind::directory) {
      throw Error(ErrorCode::run, fmt::format("cannot repair '{}': {}", directory,
                                              status ? "it is not a directory" : "it does not exist"));
    }
    const std::string done = recovery_text(recover(env_, directory, options_.sync), directory);
    return done.empty() ? fmt::format("nothing to repair in '{}'", directory) : done;
  }

  std::string help(const std::optional<std::string>& topic, const std::optional<std::string>& part) {
    if (topic && is_recipe_word(*topic))
      return plan_help(std::make_shared<SourceText>(SourceText{*topic, std::string(find_recipe(*topic).text)}));
    const bool is_plan = topic && (topic->ends_with(".yaml") || topic->ends_with(".yml"));
    if (!is_plan) return help_text(catalog_of(registries_), {topic, part});
    constexpr std::int64_t kMaxBytes = std::int64_t{64} << 20;
    return plan_help(std::make_shared<SourceText>(SourceText{*topic, env_.read_text(*topic, kMaxBytes)}));
  }

  std::string plan_schema() { return plan_json_schema(catalog_of(registries_)); }

  std::vector<std::string> write_reference(const std::string& directory) {
    std::vector<std::string> paths;
    for (const Page& page : reference_pages(catalog_of(registries_))) {
      paths.push_back(directory + "/" + page.path);
      StagedFile staged(env_, paths.back(), {.overwrite = true, .sync = options_.sync});
      staged.file().write(0, std::as_bytes(std::span(page.text)));
      staged.commit();
    }
    return paths;
  }

  std::vector<std::string> complete_topic(const std::optional<std::string>& topic, const std::string& word) {
    return brainsurgery::complete_topic(catalog_of(registries_), topic, word);
  }

  std::vector<std::string> complete_argument(const PlanSource& plan, const std::string& word) {
    return complete_plan_argument(env_, registries_, options_.environment, plan, word);
  }

 private:
  void warn(std::string message, const SourceSpan& span = {}) {
    events_.on(events::Warning{{Severity::warning, span, std::move(message), {}}});
  }

  Env& env_;
  EventSink& events_;
  SessionOptions options_;
  Registries registries_;
};

Session::Session(Env& env, EventSink& events, SessionOptions options)
    : Session(env, events, std::move(options), builtin_registries()) {}
Session::Session(Env& env, EventSink& events, SessionOptions options, Registries registries)
    : impl_(std::make_unique<Impl>(env, events, std::move(options), std::move(registries))) {}
Session::~Session() = default;

Outcome<RunReport> Session::run(const PlanSource& plan) {
  return guarded(impl_->cancellation(), [&] { return impl_->run(plan); });
}
Outcome<std::unique_ptr<Run>> Session::start(const PlanSource& plan, Confirm confirm) {
  return guarded(
      impl_->cancellation(), [&] { return std::unique_ptr<Run>(new Run(impl_->start(plan, std::move(confirm)))); });
}
Outcome<RunReport> Session::check(const PlanSource& plan) {
  return guarded(impl_->cancellation(), [&] { return impl_->check(plan); });
}
Outcome<std::string> Session::explain(const PlanSource& plan) {
  return guarded(impl_->cancellation(), [&] { return impl_->explain(plan); });
}
Outcome<std::string> Session::inspect_text(const std::string& path, bool digest, const InspectView& view) {
  return guarded(impl_->cancellation(), [&] { return inspection_text(impl_->inspect(path), digest, impl_->threads(), view); });
}
Outcome<std::string> Session::inspect_json(const std::string& path, bool digest, const InspectView& view) {
  return guarded(impl_->cancellation(), [&] { return inspection_json(impl_->inspect(path), digest, impl_->threads(), view); });
}
Outcome<std::string> Session::digest_text(const std::string& path, bool each) {
  return guarded(impl_->cancellation(),
                 [&] { return brainsurgery::digest_text(impl_->digest(path), path, each); });
}
Outcome<std::string> Session::digest_json(const std::string& path) {
  return guarded(impl_->cancellation(), [&] { return brainsurgery::digest_json(impl_->digest(path)); });
}
Outcome<std::string> Session::verify(const std::string& path, const std::string& expected) {
  return guarded(impl_->cancellation(), [&] { return impl_->verify(path, expected); });
}
Outcome<std::string> Session::repair(const std::string& directory) {
  return guarded(impl_->cancellation(), [&] { return impl_->repair(directory); });
}
Outcome<std::string> Session::oly_to_yaml(const std::vector<std::shared_ptr<const SourceText>>& texts) {
  return guarded(impl_->cancellation(), [&] { return brainsurgery::oly_to_yaml(texts); });
}
Outcome<std::string> Session::invert(const std::shared_ptr<const SourceText>& plan) {
  return guarded(impl_->cancellation(), [&] { return impl_->invert(plan); });
}

Outcome<std::string> Session::plan_to_oly(const PlanSource& plan) {
  return guarded(impl_->cancellation(), [&] { return impl_->plan_to_oly(plan); });
}
Outcome<std::string> Session::mergekit_to_plan(const std::shared_ptr<const SourceText>& config, const std::string& output) {
  return guarded(impl_->cancellation(), [&] { return impl_->mergekit_to_plan(config, output); });
}
Outcome<std::string> Session::help(const std::optional<std::string>& topic, const std::optional<std::string>& part) {
  return guarded(impl_->cancellation(), [&] { return impl_->help(topic, part); });
}
Outcome<std::string> Session::plan_schema() {
  return guarded(impl_->cancellation(), [&] { return impl_->plan_schema(); });
}
Outcome<std::vector<std::string>> Session::write_reference(const std::string& directory) {
  return guarded(impl_->cancellation(), [&] { return impl_->write_reference(directory); });
}
Outcome<std::vector<std::string>> Session::complete_topic(const std::optional<std::string>& topic,
                                                          const std::string& word) {
  return guarded(impl_->cancellation(), [&] { return impl_->complete_topic(topic, word); });
}
Outcome<std::vector<std::string>> Session::complete_argument(const PlanSource& plan, const std::string& word) {
  return guarded(impl_->cancellation(), [&] { return impl_->complete_argument(plan, word); });
}

Run::Run(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Run::~Run() = default;

bool Run::wants_more(std::string_view lines) const {
  const Outcome<bool> more = guarded(impl_->cancellation(), [&] { return impl_->wants_more(lines); });
  return more.ok() && more.value();
}
Outcome<StepsReport> Run::step(std::shared_ptr<const SourceText> text) {
  return guarded(impl_->cancellation(), [&] { return impl_->step(text); });
}
Outcome<Completion> Run::complete(std::string_view text, Typed typed) {
  return guarded(impl_->cancellation(), [&] { return impl_->complete(text, typed); });
}
Outcome<std::string> Run::hint(std::string_view text) const {
  return guarded(impl_->cancellation(), [&] { return impl_->hint(text); });
}
Outcome<std::vector<TensorChange>> Run::preview(std::shared_ptr<const SourceText> text) {
  return guarded(impl_->cancellation(), [&] { return impl_->preview(text); });
}
Outcome<StepsReport> Run::open(const std::string& alias, const std::string& path) {
  return guarded(impl_->cancellation(), [&] { return impl_->open(alias, path); });
}
Outcome<StepsReport> Run::save(const std::string& alias, const std::string& path) {
  return guarded(impl_->cancellation(), [&] { return impl_->save(alias, path); });
}
bool Run::ended() const { return impl_->ended(); }
bool Run::can_undo() const { return impl_->can_undo(); }
bool Run::can_redo() const { return impl_->can_redo(); }
Outcome<bool> Run::undo() {
  return guarded(impl_->cancellation(), [&] { return impl_->undo(); });
}
Outcome<bool> Run::redo() {
  return guarded(impl_->cancellation(), [&] { return impl_->redo(); });
}
Outcome<Delta> Run::delta() const {
  return guarded(impl_->cancellation(), [&] { return impl_->delta(); });
}
Outcome<std::vector<std::string>> Run::aliases() const {
  return guarded(impl_->cancellation(), [&] { return impl_->aliases(); });
}
Outcome<std::vector<std::string>> Run::names(const std::string& alias, std::string_view prefix) {
  return guarded(impl_->cancellation(), [&] { return impl_->names(alias, prefix); });
}
Outcome<std::vector<TensorInfo>> Run::tensors(const std::string& alias, std::string_view prefix) {
  return guarded(impl_->cancellation(), [&] { return impl_->tensors(alias, prefix); });
}
Outcome<TensorValue> Run::value(const ValueQuery& query) {
  return guarded(impl_->cancellation(), [&] { return impl_->value(query); });
}
Outcome<std::vector<std::string>> Run::matching(const std::string& alias, const std::string& pattern) {
  return guarded(impl_->cancellation(), [&] { return impl_->matching(alias, pattern); });
}
Outcome<TensorOrigin> Run::origin(const std::string& alias, const std::string& name) {
  return guarded(impl_->cancellation(), [&] { return impl_->origin(alias, name); });
}
Outcome<TensorPicture> Run::picture(const PictureQuery& query) {
  return guarded(impl_->cancellation(), [&] { return impl_->picture(query); });
}
Outcome<TensorBlock> Run::block(const BlockQuery& query) {
  return guarded(impl_->cancellation(), [&] { return impl_->block(query); });
}
Outcome<std::vector<double>> Run::row_norms(const std::string& alias, const std::string& name) {
  return guarded(impl_->cancellation(), [&] { return impl_->row_norms(alias, name); });
}
Outcome<std::optional<TensorDistance>> Run::distance(const TensorName& a, const TensorName& b) {
  return guarded(impl_->cancellation(), [&] { return impl_->distance(a, b); });
}
Outcome<TensorProfile> Run::profile(const ProfileQuery& query) {
  return guarded(impl_->cancellation(), [&] { return impl_->profile(query); });
}
Outcome<std::vector<DoneStep>> Run::history() const {
  return guarded(impl_->cancellation(), [&] { return impl_->history(); });
}
Outcome<std::string> Run::plan() const {
  return guarded(impl_->cancellation(), [&] { return impl_->plan_text(); });
}
void Run::cancel() noexcept { impl_->cancellation()->cancel(); }
void Run::resume() noexcept { impl_->cancellation()->reset(); }
Outcome<RunReport> Run::write() {
  return guarded(impl_->cancellation(), [&] { return impl_->write(); });
}

}  // namespace brainsurgery
