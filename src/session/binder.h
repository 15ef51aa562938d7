// The first pass: performs a plan's steps on names, shapes and dtypes. Headers are read, tensor data is not.
//
//   Binder binder(env, registries, events, plan, options, ...);
//   binder.bind(step, diagnostics);  ...         // mistakes go to the diagnostics
//   binder.workspace(), binder.effects()
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "brainsurgery/session.h"
#include "brainsurgery/workspace.h"
#include "plan/match_budget.h"
#include "session/effects.h"
#include "session/opened_checkpoints.h"
#include "session/match_scope.h"
#include "session/model_scope.h"
#include "session/prepared_step.h"
#include "session/taints.h"

namespace brainsurgery {

// A tensor as messages write it.
[[nodiscard]] inline std::string label_of(const std::string& alias, const std::string& name) {
  return alias + "::" + name;
}

// Where a model came from.
struct Origin {
  Metadata metadata;
  std::set<std::string> ties;                     // keys of `metadata`: tie_records.h
  std::string format;                             // the name of its files' Format
  std::shared_ptr<const CheckpointExtras> extras;  // or nullptr
  std::shared_ptr<const OpenedCheckpoint> input;  // nullptr: the plan made it
  std::shared_ptr<const OpenedCheckpoint> folder;  // as ModelContent has them
  std::shared_ptr<const StateDict> opened;
  Documents documents;
};

// A step that was done, for the summary.
struct ExecutedStep {
  const Schema* schema = nullptr;
  YamlPtr payload;
  std::optional<std::string> default_alias;
  // For steps that drew random values without a seed: what each row became.
  struct SeededMatch {
    YamlPtr payload;
    std::vector<std::pair<std::string, std::string>> references;  // field, literal reference
    std::uint64_t seed = 0;
  };
  std::vector<SeededMatch> seeded;
};

// What the steps so far made of the plan. A value: a step is taken back by putting the old one in its place.
struct PlanState {
  Workspace workspace;
  std::optional<Workspace> before_dry_run;    // what a dry run goes back to
  std::map<std::string, Origin> origins;      // by alias
  std::map<std::string, Origin> origins_before_dry_run;
  std::map<std::string, PlanInput> pending;   // inputs that are not open yet, by alias
  std::map<std::string, ModelContent> saved;  // by canonical path: what reading it gives from then on
  std::set<std::string> contributing;         // aliases that a step wrote to; the output is one of them
  std::set<std::string> contributing_inside;  // the same of steps of an `execute`, which only count without others
  std::set<std::string> changed;              // aliases with other tensors than they were opened with
  std::set<std::string> kept;                 // those of them that a `save` wrote after the last change
  std::set<std::string> published;            // canonical paths
  PlanFlags flags;
  bool exited = false;
};

// Which one of the steps that belong together, for previews.
struct StepPlace {
  int number = 1;  // from 1
  int count = 1;
};

class Binder final : private PlanScope {
 public:
  // `may_recover`: publications that were interrupted may be finished.
  Binder(Env& env, const Registries& registries, EventSink& events, const Plan& plan, const SessionOptions& options,
         bool may_recover);

  // From now on previews ask before a step with impact is done.
  void ask(Confirm confirm) { confirm_ = std::move(confirm); }

  // False for a step that was not done: after mistakes, and where its preview says so. Mistakes of the plan are
  // reported, except those that may only follow from an earlier one or from an input that cannot be read.
  bool bind(const PreparedStep& step, const StepPlace& place, Diagnostics& diagnostics);

  // Everything that steps change, to take them back: also a step that bind() gave up half-way, by an exception.
  struct Mark {
    PlanState state;
    Taints taints;
    std::size_t effects, executed, unreadable;
  };
  [[nodiscard]] Mark mark() const { return {state_, taints_, effects_.size(), executed_.size(), unreadable_.size()}; }
  void rewind(Mark mark);
  // Rewinds, and gives what came behind the mark, to be put back where it was cut.
  struct Cut {
    PlanState state = {};
    Taints taints = {};
    std::vector<Effect> effects = {};
    std::vector<ExecutedStep> executed = {};
  };
  [[nodiscard]] Cut cut(const Mark& mark);
  void put_back(Cut cut);
  // Nobody knows what the alias should hold, for a mistake that was reported.
  void distrust(const std::string& alias) { taints_.add_alias(alias); }
  // The paths that the plan writes to.
  [[nodiscard]] std::vector<std::string> targets();
  // Opens the input of `alias` if there is one and it is not open yet. False: no such alias. One that cannot be opened
  // is empty from then on, and in unreadable().
  bool open(const std::string& alias);
  // The names of the plan's input as they were when it was opened; nullptr: it was not.
  [[nodiscard]] const StateDict* opened_input(const std::string& alias) const;

  [[nodiscard]] const PlanState& state() const { return state_; }
  [[nodiscard]] const std::vector<Effect>& effects() const { return effects_; }
  [[nodiscard]] const std::vector<Error>& unreadable() const { return unreadable_; }
  [[nodiscard]] const OpenedCheckpoints& checkpoints() const { return checkpoints_; }
  [[nodiscard]] const Origin& origin_of(const std::string& alias) const;
  // The alias's tensors, or those given in their place, with all that a file carries beside them.
  [[nodiscard]] ModelContent content_of(const std::string& alias, StateDict names) const;
  // Of the files that are planned together, from the last end_planning() on.
  [[nodiscard]] const std::shared_ptr<Compiler>& compiler();
  void end_planning() { compiler_.reset(); }
  // Names in an existing directory that the checkpoints that were read consist of.
  [[nodiscard]] std::vector<std::string> owned_files(const std::string& directory) const;
  // Those that exist, opened or not, sorted.
  [[nodiscard]] std::vector<std::string> aliases() const override;
  [[nodiscard]] const std::vector<ExecutedStep>& executed() const { return executed_; }
  // "preview session: ..." of the steps that were previewed since it was called last; empty without one.
  [[nodiscard]] std::string take_preview_totals();

 private:
  // A name that a reference leads to in one row.
  struct Resolved {
    const PreparedRef* ref;
    std::string name;
  };
  struct ResolvedRow {
    const StepPart* part;         // whose spec the row is for
    std::vector<Resolved> names;  // in the order of the schema
  };

  // The step at hand.
  struct Current {
    const PreparedStep* step = nullptr;
    StepPlace place = {};
    Diagnostics* diagnostics = nullptr;
    Delta delta = {};
    std::vector<ExecutedStep::SeededMatch> seeded = {};
    std::vector<NameSet> looked_at = {};
    MatchBudget matching = {};
    std::vector<Operand> sources = {};  // the first operand of each row, where the edit may warn of them
    bool follows_from_mistake = false;           // what it would report is kept back: no need to make it good
    std::set<const TensorRef*> clipped = {};     // whose slices were warned of
    std::vector<std::string> edited = {};        // documents and metadata, for the preview
    std::vector<StepPartPtr> parts = {};         // of a step that is decoded now
    std::vector<StepPartPtr> closed = {};        // that open parts became
    std::set<std::string, std::less<>> aliases = {};  // for decoding now
    std::map<const PreparedRef*, std::vector<std::string>> counted = {};  // references with a number for the name
    std::set<std::pair<int, int>> warned = {};   // lines and columns, of warnings by rows
  };

  void bind_action(const Edit& edit);
  void bind_action(const Condition& condition);
  void bind_action(const Query& query);
  void bind_action(const Control& control);
  void bind_condition(const Condition& condition, const void* spec);
  void distrust_introduced(const Control& control, const void* spec);
  // What a query or a control threw.
  void report_trouble(const Error& error);
  // Writes the preview's lines into the effect that keeps their place, and takes the step back if it is not to be done:
  // false.
  bool preview(PlanState before, std::size_t first_effect);
  void report_mistake(const Error& error, const std::vector<NameSet>& looked_at);

  // The parts of the step at hand; none after mistakes, which were reported.
  [[nodiscard]] const std::vector<StepPartPtr>& parts();
  [[nodiscard]] PartMaker part_maker();
  [[nodiscard]] ModelScope models();
  [[nodiscard]] PlanValue config_of(const std::string& alias);
  struct Groups;
  [[nodiscard]] std::vector<ResolvedRow> resolve(const StepPart& part);
  [[nodiscard]] bool selects(const StepPart& part, const MatchScope& match);
  [[nodiscard]] const StepPart& closed_part(const StepPart& open, const Captures& captures, const ModelScope& scope,
                                            std::map<std::string, StepPartPtr>& closed);
  [[nodiscard]] ResolvedRow single_row(const StepPart& part);
  [[nodiscard]] ResolvedRow row_of(const StepPart& part, const std::string& name, const Captures& captures);
  void add_counted(const StepPart& part, const PreparedRef& ref, const Captures& captures, ResolvedRow& row);
  void add_member(const StepPart& part, const std::string& name, const Captures& captures, Groups& groups);
  static void finish_groups(Groups& groups, std::vector<ResolvedRow>& rows);
  [[nodiscard]] std::string single_match(const PreparedRef& ref);
  void check_destinations(const std::vector<ResolvedRow>& rows);
  void apply(const Edit& edit, const ResolvedRow& row);
  [[nodiscard]] Row operands_of(const ResolvedRow& row);
  [[nodiscard]] std::vector<Expr> lowered(const Edit& edit, const ResolvedRow& resolved, const Row& row);
  [[nodiscard]] MakerPtr maker_of(const Resolved& target) const;
  void count_uses(const ResolvedRow& row);
  void adopt_documents(const std::string& alias, const std::string& from);
  void create(const Resolved& target, Expr value, const ResolvedRow& row);
  void write(const Resolved& target, Expr value, const ResolvedRow& row);
  [[nodiscard]] Expr with_part(const Resolved& target, const Expr& before, Expr value, const ResolvedRow& row);
  void remove_names(const ResolvedRow& row);
  void announce_edit(const ResolvedRow& row);
  void remember_seed(const ResolvedRow& row, std::uint64_t seed);

  void warn_of_groups(const StepPart& part);
  void warn_of_sources(const Edit& edit, const std::vector<StepPartPtr>& parts);
  // Those that the step is the first to write to.
  void begin_models(const std::vector<PreparedRef>& refs);
  void warn_of_untying(const Resolved& target);
  void warn_at(const SourceSpan& place, std::string message);
  void warn_of_clipping(const TensorRef& ref, const Region& region, const Shape& shape, const std::string& label);

  [[nodiscard]] const StateDict& names_of(const std::string& alias);
  [[nodiscard]] const Expr& expr_of(const Resolved& resolved);
  // See Row::replaced.
  [[nodiscard]] std::optional<TensorDesc> before_write(const ResolvedRow& row, std::size_t number);
  // `alias` and `name`: of the tensor, for messages.
  [[nodiscard]] Expr sliced(const Expr& expr, const TensorRef& ref, const std::string& alias, const std::string& name);
  [[nodiscard]] Region region_of(const TensorRef& ref, const Shape& shape, const std::string& alias,
                                 const std::string& name);
  [[nodiscard]] Error no_match(const std::string& where, const std::string& alias, const TensorRef& ref) const;
  [[nodiscard]] Error missing(const std::string& where, const TensorRef& ref, const std::string& alias,
                              const std::string& name) const;
  // Whether a name matches the regular expression; false where it is none, or one that may take long.
  [[nodiscard]] bool any_match(const std::string& regex, const std::string& alias) const;
  // What the model looks like from its names.
  [[nodiscard]] std::vector<std::string> likeness_of(const std::string& alias, const std::string& wanted) const;
  [[nodiscard]] std::vector<std::string> nearest_names(const std::string& wanted, const std::string& alias) const;
  // A dry run counts nothing.
  void count(const std::string& alias, const std::string& name, std::int64_t reads, std::int64_t writes);
  // Takes the one write back that a new tensor begins with.
  void count_created(const std::string& alias, const std::string& name);

  // PlanScope, for assertions and commands.
  [[nodiscard]] std::vector<FoundTensor> select(const TensorRef& ref) override;
  [[nodiscard]] std::int64_t count_matches(const TensorRef& ref) override;
  [[nodiscard]] std::vector<std::pair<FoundTensor, FoundTensor>> select_pairs(const TensorRef& pattern,
                                                                              const TensorRef& derived) override;
  [[nodiscard]] std::string describe(const TensorRef& ref) const override;
  [[nodiscard]] Error no_match(const TensorRef& ref) const override;
  [[nodiscard]] Error missing(const TensorRef& derived, const FoundTensor& tensor) const override;
  AccessCounts count_read(const FoundTensor& tensor) override;
  template <typename Visit>
  void for_each_name(const TensorRef& ref, const Visit& visit);
  [[nodiscard]] std::string alias_of(const TensorRef& ref) const;
  [[nodiscard]] FoundTensor found(const std::string& alias, const std::string& name, const NamedTensor& tensor,
                                  const TensorRef& ref);
  void take_slice(const TensorRef& ref, FoundTensor& tensor) override;
  [[nodiscard]] std::optional<std::string> default_alias() const override { return current_.step->default_alias; }
  [[nodiscard]] std::vector<FoundTensor> tensors_of(const std::string& alias) override;
  void print(std::string text) override;
  void report(Report report) override;
  void announce(std::string line) override;
  // The line of a verbose step as it is printed.
  [[nodiscard]] std::string announcement(const std::string& line) const;
  void load(const LoadRequest& request) override;
  void save(const SaveRequest& request) override;
  std::vector<DocumentChange> edit_document(const DocumentEdit& edit) override;
  void edit_metadata(const std::string& alias, const MetadataEdit& edit) override;
  [[nodiscard]] Document document_of(const std::string& alias, const DocumentEdit& edit);
  void note_edit(const std::string& alias, std::string what);
  void restore_origins();
  void give_names(const std::string& alias, const std::vector<NameChange>& changes);
  [[nodiscard]] static bool exchanges(const std::vector<ResolvedRow>& rows);
  void exchange_names(const std::vector<ResolvedRow>& rows);
  void announce_changes();
  // The alias counts as one that steps wrote to.
  void mark_changed(const std::string& alias);
  void change_names(const std::string& alias, const std::vector<NameChange>& changes) override;
  void add_alias(const std::string& alias) override;
  void remove_alias(const std::string& alias) override;
  void rename_alias(const std::string& from, const std::string& to) override;
  [[nodiscard]] const PlanFlags& flags() const override { return state_.flags; }
  void set_flags(const PlanFlags& flags) override;
  void exit() override { state_.exited = true; }
  void execute(const std::vector<PlanStep>& steps, std::optional<std::string> default_alias) override;
  [[nodiscard]] Catalog catalog() const override { return catalog_of(registries_); }
  [[nodiscard]] std::string read_text(const std::string& path) override;

  [[nodiscard]] StateDict open_model(const std::string& alias, const std::string& path, Origin& origin);
  template <typename What>
  void add_effect(What what) {
    effects_.push_back({current_.step->index, current_.step->span, std::move(what)});
  }
  void contribute(const std::string& alias);
  [[nodiscard]] bool exists(const std::string& alias) const;
  void require_known(const std::string& alias) const;
  void require_new(const std::string& alias) const;
  void require_unpublished(const std::string& path);
  // Changes that a dry run does not take back.
  void change_aliases(const std::function<void(Workspace&)>& change);

  struct OpenedInput {
    StateDict names;
    Origin origin;
  };

  Env& env_;
  const Registries& registries_;
  EventSink& events_;
  const Plan& plan_;
  const SessionOptions& options_;
  OpenedCheckpoints checkpoints_;
  std::map<std::string, OpenedInput> inputs_;  // by alias; steps that are taken back do not close them
  std::shared_ptr<Compiler> compiler_;
  Confirm confirm_;
  PlanState state_;
  Current current_;
  std::vector<Error> unreadable_;
  std::vector<Effect> effects_;
  std::vector<ExecutedStep> executed_;
  bool executing_ = false;  // the steps of an `execute`
  Taints taints_;
  std::map<DeltaEntry::Kind, std::set<std::string>> previewed_;
  bool any_preview_ = false;
};

}  // namespace brainsurgery
