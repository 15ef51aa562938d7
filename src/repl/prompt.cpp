#include "repl/prompt.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <ostream>
#include <string_view>

#include "base/interrupt.h"
#include "base/text.h"
#include "repl/prompt_words.h"

namespace brainsurgery {
namespace {

constexpr std::array<std::string_view, 4> kGo{"go", "g", "yes", "y"};
constexpr std::array<std::string_view, 5> kNoGo{"", "no-go", "nogo", "no", "n"};

constexpr const char* kHint =
    "A step in one line, as in\n"
    "  copy: from: wte.weight, to: lm_head.weight\n"
    "runs at once; YAML, one step or a list of them, ends with an empty line.\n"
    "ls lists the tensors, show NAME looks at one, undo takes a step back, help tells the rest;\n"
    "exit or Ctrl-D ends and writes the output of the plan; Ctrl-C discards the current input.\n";

// Ctrl-C drops the text; the line that a terminal shows it in is over.
void drop_typed(std::ostream& err, bool person) {
  if (!take_ctrl_c()) throw_if_interrupted();
  if (person) err << '\n' << std::flush;
}

// The lines of a submission that are complete, and the one that is typed.
class SubmissionHelp final : public LineHelp {
 public:
  SubmissionHelp(Run& run, PromptWords& words, const std::string& earlier)
      : run_(run), words_(words), earlier_(earlier) {}

  Completion complete(const std::string& line) override {
    try {
      if (earlier_.empty()) {
        if (std::optional<Completion> of_word = words_.complete(line)) return *std::move(of_word);
      }
      return of_steps(line);
    } catch (const Error&) {  // an input that cannot be read offers nothing; whoever uses it is told why
      return {};
    }
  }

  std::string hint(const std::string& line) override {
    if (earlier_.empty() && PromptWords::parse(line)) return "";
    const Outcome<std::string> hint = run_.hint(earlier_ + line);
    return hint.ok() ? hint.value() : "";
  }

 private:
  Completion of_steps(const std::string& line) {
    Outcome<Completion> found = run_.complete(earlier_ + line);
    if (!found.ok() || found.value().begin < earlier_.size()) return {};
    Completion completion = std::move(found.value());
    completion.begin -= earlier_.size();
    if (earlier_.empty() && completion.begin == 0) {
      std::ranges::move(PromptWords::beginning_with(line), std::back_inserter(completion.words));
      std::ranges::sort(completion.words);
    }
    return completion;
  }

  Run& run_;
  PromptWords& words_;
  const std::string& earlier_;
};

std::string changes_text(const Delta& delta) {
  std::array<int, 3> counts{};
  for (const DeltaEntry& entry : delta) ++counts[static_cast<std::size_t>(entry.kind)];
  std::string text;
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    constexpr std::array kDone{"created", "changed", "deleted"};
    if (counts[kind] > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[kind], kDone[kind]);
  }
  return text;
}

}  // namespace

bool Prompt::confirm(const std::string& question) {
  while (true) {
    const Line line = lines_.read(escape_for_terminal(question), nullptr);
    // The flag stays set: it also ends the submission that asked.
    if (line.kind == Line::Kind::interrupted) return false;
    if (line.kind == Line::Kind::end) {
      at_end_ = true;
      return false;
    }
    const std::string answer = ascii_lower(trim(line.text));
    if (std::ranges::find(kGo, answer) != kGo.end()) return true;
    if (std::ranges::find(kNoGo, answer) != kNoGo.end()) return false;
    view_.err << "Please answer 'go' or 'no-go'.\n" << std::flush;
  }
}

std::string Prompt::read_submission(Run& run, PromptWords& words) {
  std::string text;
  SubmissionHelp help(run, words, text);
  do {
    Line line = lines_.read(text.empty() ? "brainsurgery> " : "... ", &help);
    if (line.kind == Line::Kind::interrupted) {
      drop_typed(view_.err, view_.person);
      return "";
    }
    if (line.kind == Line::Kind::end) {
      at_end_ = true;
      if (!view_.person && !trim(text).empty())
        view_.err << "warning: the input ends within a step, which is not done; an empty line ends YAML\n" << std::flush;
      return "";
    }
    text += line.text + "\n";
  } while (!PromptWords::parse(text) && run.wants_more(text));
  return text;
}

void Prompt::perform(const std::string& text, Run& run, PromptWords& words) {
  const std::optional<PromptWords::Command> command = PromptWords::parse(text);
  if (!command) return perform_steps(text, run);
  try {
    view_.print(words.perform(*command));
  } catch (const Error& error) {
    view_.fail(error);
  }
}

void Prompt::perform_steps(const std::string& text, Run& run) {
  const auto outcome = run.step(std::make_shared<SourceText>(SourceText{"<prompt>", text}));
  if (!outcome.ok()) return view_.fail(outcome.error());
  if (!view_.person || outcome.value().edits != 1) return;
  const Outcome<Delta> delta = run.delta();
  if (delta.ok() && !delta.value().empty()) view_.err << changes_text(delta.value()) << '\n' << std::flush;
}

void Prompt::serve(Session& session, Run& run, Env& env) {
  PromptWords words(session, run, env, view_.columns);
  if (view_.person && !run.ended()) view_.err << kHint << std::flush;
  while (!run.ended() && !at_end_) {
    const std::string text = read_submission(run, words);
    const std::size_t length = text.find_last_not_of(" \t\r\n");
    if (length == std::string::npos) continue;
    lines_.remember(text.substr(0, length + 1));
    perform(text, run, words);
    if (!take_ctrl_c()) throw_if_interrupted();
  }
  // The terminal shows Ctrl-D as nothing.
  if (view_.person && at_end_) view_.err << '\n' << std::flush;
}

}  // namespace brainsurgery
