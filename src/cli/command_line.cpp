#include "cli/command_line.h"

#include <fmt/format.h>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <istream>
#include <iterator>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.h"
#include "base/units.h"
#include "brainsurgery/registries.h"
#include "brainsurgery/session.h"
#include "cli/command_words.h"
#include "cli/completion.h"
#include "cli/config_arguments.h"
#include "cli/convert_command.h"
#include "cli/describe_commands.h"
#include "cli/diff_command.h"
#include "cli/digest_commands.h"
#include "cli/event_view.h"
#include "cli/inspect_command.h"
#include "cli/mergekit_items.h"
#include "cli/oly_command.h"
#include "cli/pager.h"
#include "cli/repl_command.h"
#include "cli/report_command.h"
#include "cli/web_command.h"
#include "recipes/recipes.h"
#include "repl/edited_lines.h"
#include "repl/prompt.h"

namespace brainsurgery {
namespace {

struct Arguments {
  std::vector<std::string> items, oly_steps, parameters;
  std::string path;
  bool quiet = false, json = false, no_color = false;
  std::string mergekit;  // a configuration; empty: the words are plans
  bool print = false;    // it is printed as a plan
  std::string log_level = "info";
  bool interactive = false;
  bool summarize = true;
  std::string summary_mode = "raw";
  std::string memory, tile = "512KB", provider = "inmemory", arena_segment = "1GB";
  SessionOptions session;
  OlyArguments oly;
  DescribeArguments describe;
  DigestArguments digests;
  ConvertArguments convert;
  DiffArguments diff;
  InspectArguments inspect;
  WebArguments web;
  web::ReportRequest report;
};

std::string size_problem(const std::string& text) {
  const std::optional<std::int64_t> size = parse_size(text);
  return size && *size > 0 ? "" : fmt::format("'{}' is not a size; write an integer and a unit, as in 512MB", text);
}

std::string trimmed_lower(const std::string& text) { return ascii_lower(trim(text)); }

void add_view_options(CLI::App& command, Arguments& arguments) {
  command.add_flag("-q,--quiet", arguments.quiet, "No messages but errors, and no summary");
  command.add_flag("--json", arguments.json, "One JSON object a line on stdout");
  command.add_flag("--no-color", arguments.no_color, "No colour (also: NO_COLOR in the environment)");
  command.add_option("--log-level", arguments.log_level, "debug, info, warning, error or critical")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "critical"}, CLI::ignore_case));
}

void add_plan_items(CLI::App& command, Arguments& arguments) {
  command
      .add_option(
          "item", arguments.items,
          "Plan files (YAML; '-' is standard input) or recipe:NAME, merged in their order, and values for them: "
          "key.path[0]=value")
      ->type_name("PLAN");
  command.final_callback([&arguments] {
    if (arguments.items.empty() && arguments.oly_steps.empty() && arguments.mergekit.empty() && !arguments.interactive)
      throw CLI::RequiredError("a plan");
  });
}

void add_repl_items(CLI::App& command, Arguments& arguments) {
  command
      .add_option("item", arguments.items,
                  "Plans (.yaml or .yml), whose steps are done first, or checkpoints, each as path or alias::path")
      ->type_name("PLAN|CHECKPOINT");
}

void add_plan_options(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--oly", arguments.oly_steps,
                  "A further step on one line, as in --oly 'copy: from: a, to: b'; may be repeated, and needs no plan")
      ->type_name("LINE")
      ->allow_extra_args(false);
  command
      .add_option("-p,--param", arguments.parameters,
                  "The value of a parameter of the plan, as in -p experts=16; may be repeated")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--mergekit", arguments.mergekit,
                  "A configuration of mergekit-yaml in the place of a plan; the first word is then the output")
      ->type_name("CONFIG")
      ->allow_extra_args(false);
  command.add_flag("--print", arguments.print, "Only print the plan that --mergekit stands for")->needs("--mergekit");
  command
      .add_option("--shard-size", arguments.session.shard_size,
                  "Size of the shards of an output directory if the plan sets no 'shard', or 'none'")
      ->capture_default_str();
}

// How the work is done, whatever it is.
void add_work_options(CLI::App& command, Arguments& arguments) {
  add_view_options(command, arguments);
  command.add_flag("!--no-overwrite", arguments.session.overwrite, "Refuse to replace an existing output");
  command.add_flag("--sync,!--no-sync", arguments.session.sync, "Wait until the output is on the disk (default)");
  command
      .add_option("--threads,--num-workers", arguments.session.threads,
                  "Worker threads (default: as many as there are processors)")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--memory", arguments.memory,
                  "Memory for tensors that must exist as a whole (default: half of what is available)")
      ->check(size_problem);
  command.add_option("--tile-size", arguments.tile, "Bytes of work at a time and thread")
      ->check(size_problem)
      ->capture_default_str();
  command.add_option("--arena-root", arguments.session.spill_directory, "Where whole tensors beyond --memory are kept")
      ->type_name("FOLDER")
      ->capture_default_str();
  command
      .add_option("--arena-segment-size", arguments.arena_segment,
                  "Accepted, for scripts that give it, and without effect: every whole tensor has a file of its own")
      ->check(size_problem)
      ->capture_default_str();
  command.add_option("--provider", arguments.provider, "inmemory, or arena: keep whole tensors in files")
      ->transform(trimmed_lower)
      ->check(CLI::IsMember({"inmemory", "arena"}));
}

// After the options with which no plan is done as a whole.
void add_lock_options(CLI::App& command, Arguments& arguments) {
  CLI::Option* lock = command.add_option("--lock", arguments.session.lock_path,
                                         "Write the plan and the digests of what was read and written to this file");
  CLI::Option* locked = command.add_option("--locked", arguments.session.locked_path,
                                           "Refuse other inputs, another plan and another output than this lock has");
  lock->excludes(locked);
  for (CLI::Option* option : {lock, locked}) {
    option->type_name("FILE");
    for (const char* partial : {"--dry-run", "--interactive", "--until"}) option->excludes(command.get_option(partial));
  }
}

void add_run_options(CLI::App& command, Arguments& arguments) {
  command.add_flag("--dry-run", arguments.session.dry_run, "Run the steps and print their reports, but write nothing");
  command.add_flag("--preview", arguments.session.preview, "Print before each step which tensors it touches");
  command.add_flag("--verbose", arguments.session.verbose, "Print the effect of each step");
  command
      .add_option("--until", arguments.session.until, "Run the first N steps with their reports, and write no output")
      ->check(CLI::Range(0, 1'000'000'000));
  command.add_flag("-s,--summarize,!--no-summarize", arguments.summarize,
                   "Print the steps that were done as a plan (default, but for repl)");
  command.add_option("--summarize-path", arguments.session.summary_path, "Write the summary to this file instead")
      ->type_name("FILE");
  command
      .add_option("--summary-mode", arguments.summary_mode,
                  "raw: steps as written; resolve: a plan for the same output")
      ->transform(trimmed_lower)
      ->check(CLI::IsMember({"raw", "resolve"}));
}

// What `check` found, for people.
std::string summary_of(const RunReport& report) {
  std::string text =
      fmt::format("plan OK: {}, {}", counted(report.steps, "step"), counted(report.assertions, "assertion"));
  if (report.undecided_assertions > 0)
    text += fmt::format(", {} of them can only be decided with data", report.undecided_assertions);
  if (report.assertion_bytes > 0) text += fmt::format(": {} are read for them", format_size(report.assertion_bytes));
  if (report.report_bytes > 0) text += fmt::format("\n{} are read for reports", format_size(report.report_bytes));
  for (const OutputReport& output : report.outputs) {
    text += fmt::format("\nwould write '{}': {} of '{}' ({}), {} in {}", escape_for_terminal(output.path),
                        counted(output.tensors, "tensor"), escape_for_terminal(output.alias), output.reason,
                        format_size(output.planned.written), counted(std::ssize(output.files), "file"));
    text += fmt::format("\n{} copied unchanged, {} computed, {} read", format_size(output.planned.copied),
                        format_size(output.planned.computed), format_size(output.planned.read));
    if (!output.carried.empty()) text += "\n" + carried_text(output.carried);
    for (const DocumentChange& change : output.changes) text += "\n" + escape_for_terminal(to_string(change));
  }
  text += fmt::format("\n{} needs about {} of memory in total", report.outputs.empty() ? "running" : "writing",
                      format_size(report.predicted_peak_bytes));
  if (report.peak_whole_tensor_bytes > 0)
    text += fmt::format(", of which whole tensors take at most {}", format_size(report.peak_whole_tensor_bytes));
  return text + "\n";
}

nlohmann::ordered_json json_of(const ByteCounts& counts) {
  return {{"bytes", counts.written},
          {"bytes_read", counts.read},
          {"bytes_copied", counts.copied},
          {"bytes_computed", counts.computed}};
}

nlohmann::ordered_json json_of(const OutputReport& output) {
  nlohmann::ordered_json json{
      {"alias", output.alias}, {"path", output.path}, {"files", output.files}, {"tensors", output.tensors}};
  json.update(json_of(output.planned));
  json["carried"] = nlohmann::ordered_json::array();
  for (const CarriedFile& file : output.carried) json["carried"].push_back({{"name", file.name}, {"bytes", file.bytes}});
  json["changes"] = nlohmann::ordered_json::array();
  for (const DocumentChange& change : output.changes) {
    json["changes"].push_back({{"document", change.document},
                               {"key", change.key},
                               {"before", change.before},
                               {"after", change.after},
                               {"derived", change.derived}});
  }
  if (output.moved) json["moved"] = json_of(*output.moved);
  if (output.digest) json["digest"] = *output.digest;
  return json;
}

bool is_file_or_folder(const std::string& path) {
  try {
    const std::optional<FileStatus> status = posix_env().status(path);
    return status && status->kind != FileStatus::Kind::other;
  } catch (const Error&) {  // whoever opens it says why
    return false;
  }
}

struct NoEvents final : EventSink {
  void on(const Event&) override {}
};

class CommandLine {
 public:
  CommandLine(Streams streams, const Registries& registries) : streams_(std::move(streams)), registries_(registries) {}

  int run(std::vector<std::string> words) {
    if (words.empty()) {
      streams_.out << "transforms: []\n\n";  // the summary of the empty plan, as the Python program prints it
      streams_.err << "nothing to do: no plan was given; try brainsurgery --help\n";
      return finish();
    }
    CLI::App app("Edits the checkpoints of neural networks by declarative YAML plans.", "brainsurgery");
    app.set_version_flag("--version", "brainsurgery " BS_VERSION);
    app.require_subcommand(1);
    CLI::App* run = app.add_subcommand(
        "run", "Run a plan: check it, compute, publish its output. `brainsurgery PLAN` means the same");
    CLI::App* check =
        app.add_subcommand("check", "Check a plan by the headers of its inputs alone; nothing is written");
    CLI::App* explain = app.add_subcommand("explain", "Show how a plan would be performed; nothing is written");
    CLI::App* inspect = add_inspect_command(app, arguments_.inspect);
    CLI::App* convert = add_convert_command(app, arguments_.convert);
    CLI::App* repl = app.add_subcommand("repl", "Look at models and edit them step by step, at a prompt");
    for (CLI::App* command : {run, check, explain}) add_plan_items(*command, arguments_);
    add_repl_items(*repl, arguments_);
    for (CLI::App* command : {run, check, explain, repl}) add_plan_options(*command, arguments_);
    CLI::App* web = add_web_command(app, arguments_.web);
    CLI::App* about = add_report_command(app, arguments_.report);
    CLI::App* diff = add_diff_command(app, arguments_.diff);
    for (CLI::App* command : {run, check, explain, convert, repl, diff, web, about}) add_work_options(*command, arguments_);
    for (CLI::App* command : {run, repl}) add_run_options(*command, arguments_);
    run->add_flag("-i,--interactive", arguments_.interactive,
                  "Go on with steps from standard input, a prompt on a terminal, before the output is written");
    add_lock_options(*run, arguments_);
    add_view_options(*inspect, arguments_);
    for (const char* text : {"--tree", "--totals"}) inspect->get_option("--json")->excludes(inspect->get_option(text));
    CLI::App* repair =
        app.add_subcommand("repair", "Finish a publication into a directory that was interrupted, or take it back");
    repair->add_option("directory", arguments_.path, "The directory")->type_name("FOLDER")->required();
    add_view_options(*repair, arguments_);
    CLI::App* invert = app.add_subcommand(
        "invert", "Print the plan that takes back what a plan of renames, permutations, splits and stacks does");
    invert->add_option("plan", arguments_.path, "The plan: a file, '-', or recipe:NAME")->type_name("PLAN")->required();
    CLI::App* oly = add_oly_command(app, arguments_.oly);
    add_describe_commands(app, arguments_.describe);
    const DigestCommands digests = add_digest_commands(app, arguments_.digests);
    for (CLI::App* command : {digests.digest, digests.verify}) add_view_options(*command, arguments_);
    app.footer("brainsurgery help lists the steps of plans, brainsurgery help STEP describes one.");
    if (std::optional<Error> unknown = unknown_word(words, app)) throw *std::move(unknown);
    words = with_help_of_plan(with_command_first(std::move(words), app), app);
    if (words.front() == kComplete) return complete(app, std::move(words));
    typed_ = words;
    try {
      std::ranges::reverse(words);  // CLI11 takes the last word first
      app.parse(words);
    } catch (const CLI::ParseError& error) {
      return report(app, error);
    }
    if (repl->parsed() && repl->count("--summarize") == 0) arguments_.summarize = false;
    apply_options(run->count("--summarize") > 0);
    if (const std::optional<int> code = describe(app)) return *code;
    if (const std::optional<int> code = digest_or_verify(digests)) return *code;
    if (inspect->parsed()) return inspect_checkpoint();
    if (repair->parsed()) return repair_directory();
    if (invert->parsed()) {
      return perform([this](Session& session) {
        return session.invert(read_config_items({arguments_.path}, typed_, posix_env(), streams_.in).front().source);
      });
    }
    if (oly->parsed()) {
      return perform([this](Session& session) {
        return run_oly_command(arguments_.oly, typed_, session, posix_env(), streams_.in);
      });
    }
    if (diff->parsed()) {
      arguments_.session.summary = SummaryMode::none;
      return perform([this](Session& session) { return run_diff_command(arguments_.diff, session); });
    }
    if (web->parsed()) return serve();
    if (about->parsed()) return write_report();
    if (convert->parsed()) {
      arguments_.session.summary = SummaryMode::none;
      return convert_checkpoint();
    }
    if (arguments_.print) return perform([this](Session& session) { return printed_plan(session); });
    if (explain->parsed()) return perform([this](Session& session) { return session.explain(plan(session)); });
    checking_ = check->parsed();
    if (checking_) return perform([this](Session& session) { return session.check(plan(session)); });
    if (repl->parsed()) return converse([this](Session&) { return repl_plan(); });
    if (arguments_.interactive) return converse([this](Session& session) { return plan(session); });
    return perform([this](Session& session) { return session.run(plan(session)); });
  }

 private:
  int report(const CLI::App& app, const CLI::ParseError& error) {
    if (error.get_exit_code() == 0)
      return app.exit(error, streams_.out, streams_.err) == 0 ? 0 : static_cast<int>(ErrorCode::internal);
    WordProblem problem = explain_parse_error(error, app, typed_);
    streams_.err << to_string(Error(ErrorCode::plan, std::move(problem.message), {}, std::move(problem.notes)));
    return static_cast<int>(ErrorCode::plan);
  }

  std::optional<Error> unknown_word(const std::vector<std::string>& words, const CLI::App& app) {
    const std::size_t place = first_standing_word(words, app);
    if (place == words.size()) return std::nullopt;
    TextView view = text_view();
    Session session(posix_env(), view, arguments_.session, registries_);
    std::optional<std::vector<std::string>> notes = unknown_command(words[place], app, session);
    if (!notes) return std::nullopt;
    return Error(ErrorCode::plan, fmt::format("unknown command '{}'", words[place]), {}, *std::move(notes));
  }

  void apply_options(bool asks_for_summary = false) {
    if (!arguments_.memory.empty()) arguments_.session.memory_bytes = *parse_size(arguments_.memory);
    if (arguments_.provider == "arena") arguments_.session.memory_bytes = 1;
    const bool silent =
        arguments_.quiet && !arguments_.json && !asks_for_summary && arguments_.session.summary_path.empty();
    arguments_.session.summary = silent || !arguments_.summarize        ? SummaryMode::none
                                 : arguments_.summary_mode == "resolve" ? SummaryMode::resolve
                                                                        : SummaryMode::raw;
    arguments_.session.version = BS_VERSION;
    arguments_.session.tile_bytes = *parse_size(arguments_.tile);
    arguments_.session.cancellation = streams_.cancellation;
    arguments_.session.environment = [](const std::string& name) {
      const char* value = std::getenv(name.c_str());
      return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    };
  }

  [[nodiscard]] bool colors(bool terminal) const {
    const char* no_color = std::getenv("NO_COLOR");
    return terminal && !arguments_.no_color && (no_color == nullptr || *no_color == '\0');
  }
  [[nodiscard]] bool color() const { return colors(streams_.err_is_terminal); }

  [[nodiscard]] TextView text_view() {
    const std::string level = ascii_lower(arguments_.log_level);
    LogLevel log_level = level == "debug"     ? LogLevel::debug
                         : level == "info"    ? LogLevel::info
                         : level == "warning" ? LogLevel::warning
                                              : LogLevel::error;
    if (arguments_.quiet) log_level = LogLevel::error;
    return TextView(streams_.out, streams_.err, log_level,
                    {streams_.err_is_terminal && !arguments_.quiet, color(), streams_.err_columns,
                     paged_ ? pager(arguments_.session.environment) : nullptr});
  }

  // Calls `work` with a session whose events are shown, and turns its outcome into text and an exit code.
  template <typename Work>
  int with_view(const Work& work) {
    if (arguments_.json) {
      JsonView view(streams_.out, streams_.err, streams_.out_is_terminal);
      return work(view);
    }
    TextView view = text_view();
    return work(view);
  }

  // A checkpoint in the place of a plan, which a plan would only name.
  void refuse_checkpoints() {
    for (const std::string& item : arguments_.items) {
      if (has_plan_suffix(item) || is_recipe_word(item) || !is_file_or_folder(item)) continue;
      NoEvents silence;
      Session session(posix_env(), silence, arguments_.session, registries_);
      if (!session.inspect_text(item, false).ok()) continue;
      throw Error(ErrorCode::plan, fmt::format("'{}' is a checkpoint, not a plan", item), {},
                  {fmt::format("a plan names it: inputs: ['{}']", item),
                   fmt::format("brainsurgery inspect {} lists its tensors", item)});
    }
  }

  std::vector<ConfigItem> plan_items(Session& session) {
    if (!arguments_.mergekit.empty()) return mergekit_items(arguments_.mergekit, arguments_.items, session, posix_env());
    refuse_checkpoints();
    return read_config_items(arguments_.items, typed_, posix_env(), streams_.in);
  }

  Outcome<std::string> printed_plan(Session& session) { return plan_items(session).front().source->text; }

  PlanSource plan(Session& session) { return plan_of(plan_items(session)); }

  PlanSource repl_plan() {
    const ReplItems split = split_repl_items(arguments_.items, posix_env());
    if (split.inputs) return plan_of({*split.inputs});
    return plan_of(read_config_items(split.plans, typed_, posix_env(), streams_.in));
  }

  // With what the options add.
  PlanSource plan_of(std::vector<ConfigItem> items) {
    std::ranges::move(oly_items(arguments_.oly_steps, typed_), std::back_inserter(items));
    std::ranges::move(parameter_items(arguments_.parameters, typed_), std::back_inserter(items));
    return PlanSource(std::move(items));
  }

  template <typename Call>
  int perform(const Call& call) {
    return with_view([&](auto& view) { return show_outcome(view, call); });
  }

  template <typename View, typename Call>
  int show_outcome(View& view, const Call& call) {
    try {
      Session session(posix_env(), view, arguments_.session, registries_);
      const auto outcome = call(session);
      if (!outcome.ok()) throw outcome.error();
      print(outcome.value());
      return finish();
    } catch (const Error& error) {
      view.fail(error);
      return static_cast<int>(error.code());
    }
  }

  int serve() {
    TextView view = text_view();
    try {
      WebItems items = split_items(arguments_.web.items, posix_env());
      std::vector<ConfigItem> plan = read_config_items(items.plans, typed_, posix_env(), streams_.in);
      if (!items.inputs.empty()) {
        auto inputs = std::make_shared<const SourceText>(SourceText{"the checkpoints", std::move(items.inputs)});
        plan.push_back({ConfigItem::Kind::file, std::move(inputs)});
      }
      arguments_.web.page.checkpoints = std::move(items.checkpoints);
      web::serve_page(arguments_.web.page, PlanSource(std::move(plan)), arguments_.session, registries_,
                      *streams_.cancellation, [this](const std::string& url) { announce(url); });
      return finish();
    } catch (const Error& error) {
      view.fail(error);
      return static_cast<int>(error.code());
    }
  }

  int write_report() {
    TextView view = text_view();
    try {
      web::write_report(arguments_.report, posix_env(), view, arguments_.session, registries_);
      return finish();
    } catch (const Error& error) {
      view.fail(error);
      return static_cast<int>(error.code());
    }
  }

  void announce(const std::string& url) {
    streams_.err << "The page is at\n  " << url << "\nCtrl-C ends the server.\n" << std::flush;
    if (arguments_.web.browser && streams_.err_is_terminal) open_browser(url);
  }

  int convert_checkpoint() {
    return with_view([&](auto& view) {
      if (replaces_its_input(arguments_.convert, posix_env())) {
        const std::string message = fmt::format("'{}' is converted in place", arguments_.convert.output);
        view.on(events::Warning{{Severity::warning, {}, message, {}}});
      }
      return show_outcome(view, [&](Session& session) { return run_convert_command(arguments_.convert, session); });
    });
  }

  [[nodiscard]] bool person() const { return streams_.in_is_terminal && streams_.err_is_terminal; }

  // A terminal that cannot move its cursor has its own way to edit lines.
  [[nodiscard]] std::unique_ptr<LineReader> line_reader(HistoryFile& history) {
    const std::string terminal = arguments_.session.environment("TERM").value_or("dumb");
    if (person() && terminal != "dumb" && !terminal.empty())
      return std::make_unique<EditedLines>(STDIN_FILENO, STDERR_FILENO, EditedLines::Look{color()}, &history);
    return std::make_unique<StreamLines>(streams_.in, streams_.err, StreamLines::Look{person(), color()});
  }

  // Standard input has the steps that follow the plan's.
  int converse(const std::function<PlanSource(Session&)>& plan) {
    if (std::ranges::find(arguments_.items, kStandardInput) != arguments_.items.end())
      throw Error(ErrorCode::plan, "standard input cannot be the plan and the prompt too");
    HistoryFile history(posix_env(), arguments_.session.environment);
    const std::unique_ptr<LineReader> lines = line_reader(history);
    paged_ = person() && streams_.out_is_terminal;
    return with_view([&](auto& view) {
      Prompt prompt(*lines, {streams_.err, [&view](const Error& error) { view.fail(error); },
                             [&view](const std::string& text) { view.on(events::Printed{text}); }, person(),
                             [this] { return columns(); }});
      return show_outcome(view, [&](Session& session) -> Outcome<RunReport> {
        const auto run = session.start(plan(session), [&](const std::string& question) { return prompt.confirm(question); });
        if (!run.ok()) return run.error();
        prompt.serve(session, *run.value(), posix_env());
        return run.value()->write();
      });
    });
  }

  // Of the terminal, or as many as text usually has.
  [[nodiscard]] int columns() const {
    constexpr int kUsual = 80;
    const int columns = streams_.err_columns ? streams_.err_columns() : 0;
    return columns > 0 ? columns : kUsual;
  }

  // Messages go to standard error even with --json: standard output is the one object and nothing else.
  int inspect_checkpoint() {
    TextView view = text_view();
    Session session(posix_env(), view, arguments_.session, registries_);
    const auto width = streams_.out_is_terminal ? std::optional(columns()) : std::nullopt;
    const InspectView shown = inspect_view(arguments_.inspect, width, colors(streams_.out_is_terminal));
    const std::string& path = arguments_.inspect.path;
    const bool digest = arguments_.inspect.digest;
    const Outcome<std::string> outcome =
        arguments_.json ? session.inspect_json(path, digest, shown) : session.inspect_text(path, digest, shown);
    if (!outcome.ok()) {
      view.fail(outcome.error());
      return static_cast<int>(outcome.error().code());
    }
    streams_.out << outcome.value();
    if (arguments_.json) streams_.out << '\n';
    return finish();
  }

  int repair_directory() {
    return perform([this](Session& session) -> Outcome<std::string> {
      const Outcome<std::string> done = session.repair(arguments_.path);
      if (!done.ok()) return done.error();
      text_event_ = "repair";
      if (arguments_.json) return done.value();
      return arguments_.quiet ? "" : escape_for_terminal(done.value()) + "\n";
    });
  }

  void print(const std::string& text) {
    if (!arguments_.json) {
      streams_.out << (streams_.out_is_terminal ? escape_lines(text) : text);
      return;
    }
    const nlohmann::ordered_json event{{"event", text_event_}, {"text", text}};
    streams_.out << event.dump(-1, ' ', streams_.out_is_terminal, nlohmann::json::error_handler_t::replace) << '\n';
  }

  void print(const RunReport& report) {
    if (!arguments_.json) {
      if (checking_ && !arguments_.quiet) streams_.out << summary_of(report);
      if (!report.summary.empty())
        streams_.out << (streams_.out_is_terminal ? escape_lines(report.summary) : report.summary) << '\n';
      return;
    }
    nlohmann::ordered_json outputs = nlohmann::ordered_json::array();
    for (const OutputReport& output : report.outputs) outputs.push_back(json_of(output));
    nlohmann::ordered_json summary{{"event", "report"},
                                   {"steps", report.steps},
                                   {"assertions", report.assertions},
                                   {"undecided_assertions", report.undecided_assertions},
                                   {"assertion_bytes", report.assertion_bytes},
                                   {"report_bytes", report.report_bytes},
                                   {"value_passes", report.value_passes},
                                   {"peak_whole_tensor_bytes", report.peak_whole_tensor_bytes},
                                   {"predicted_peak_bytes", report.predicted_peak_bytes},
                                   {"outputs", outputs},
                                   {"summary", report.summary}};
    if (report.value_bytes_read) summary["value_bytes_read"] = *report.value_bytes_read;
    if (report.peak_resident_bytes > 0) summary["peak_resident_bytes"] = report.peak_resident_bytes;
    streams_.out << summary.dump(-1, ' ', streams_.out_is_terminal, nlohmann::json::error_handler_t::replace) << '\n';
  }

  // The commands that describe the language; nullopt: it was none of them.
  std::optional<int> describe(const CLI::App& app) {
    TextView view = text_view();
    Session session(posix_env(), view, arguments_.session, registries_);
    const std::optional<Outcome<std::string>> text = run_describe_command(app, arguments_.describe, session);
    if (!text) return std::nullopt;
    if (!text->ok()) {
      view.fail(text->error());
      return static_cast<int>(text->error().code());
    }
    streams_.out << text->value();
    return finish();
  }

  // Messages go to standard error even with --json: a file of digests is to be redirected. nullopt: neither was parsed.
  std::optional<int> digest_or_verify(const DigestCommands& commands) {
    TextView view = text_view();
    Session session(posix_env(), view, arguments_.session, registries_);
    const auto text = run_digest_command(commands, arguments_.digests, arguments_.json, session);
    if (!text) return std::nullopt;
    if (!text->ok()) {
      view.fail(text->error());
      return static_cast<int>(text->error().code());
    }
    if (!arguments_.quiet || commands.digest->parsed()) streams_.out << text->value();
    return finish();
  }

  // `complete -- WORDS...`, for the scripts of shells.
  int complete(const CLI::App& app, std::vector<std::string> words) {
    words.erase(words.begin());
    if (!words.empty() && words.front() == "--") words.erase(words.begin());
    TextView view = text_view();
    apply_options();
    Session session(posix_env(), view, arguments_.session, registries_);
    for (const std::string& candidate : complete_words(app, std::move(words), session, posix_env()))
      streams_.out << candidate << '\n';
    return finish();
  }

  // What was printed has to have arrived: a full disk behind a redirection is an error too.
  int finish() {
    streams_.out.flush();
    if (streams_.out.good() || (streams_.out_is_closed && streams_.out_is_closed())) return 0;
    streams_.err << "error: cannot write to standard output\n";
    return static_cast<int>(ErrorCode::run);
  }

  Streams streams_;
  const Registries& registries_;
  Arguments arguments_;
  std::vector<std::string> typed_;  // the command and what follows it
  const char* text_event_ = "explanation";
  bool checking_ = false;  // `check`: the report is the result
  bool paged_ = false;     // somebody reads what is printed on the terminal, and answers
};

}  // namespace

int run_command_line(std::vector<std::string> arguments, Streams streams, const Registries& registries) {
  try {
    return CommandLine(streams, registries).run(std::move(arguments));
  } catch (const Error& error) {  // outside of the session, whose outcomes the views show
    streams.err << to_string(error);
    return static_cast<int>(error.code());
  } catch (const std::bad_alloc&) {  // a plan beyond the memory there is
    streams.err << "error: out of memory\n";
    return static_cast<int>(ErrorCode::run);
  } catch (const std::exception& error) {
    streams.err << fmt::format("error: internal error: {}\n  note: this is a bug in brainsurgery; please report it\n",
                               escape_for_terminal(error.what()));
    return static_cast<int>(ErrorCode::internal);
  }
}

}  // namespace brainsurgery
