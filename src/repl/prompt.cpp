#include "repl/prompt.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <string_view>

#include "base/interrupt.h"
#include "base/text.h"

namespace brainsurgery {
namespace {

constexpr std::array<std::string_view, 4> kGo{"go", "g", "yes", "y"};
constexpr std::array<std::string_view, 5> kNoGo{"", "no-go", "nogo", "no", "n"};

constexpr const char* kHint =
    "A step in one line, as in\n"
    "  copy: from: wte.weight, to: lm_head.weight\n"
    "runs at once; YAML, one step or a list of them, ends with an empty line.\n"
    "help lists the steps; exit or Ctrl-D ends and writes the output of the plan; Ctrl-C discards the current input.\n";

// Ctrl-C drops the text; the line that a terminal shows it in is over.
void drop_typed(std::ostream& err, bool person) {
  if (!take_ctrl_c()) throw_if_interrupted();
  if (person) err << '\n' << std::flush;
}

}  // namespace

bool Prompt::confirm(const std::string& question) {
  while (true) {
    const Line line = lines_.read(escape_for_terminal(question));
    // The flag stays set: it also ends the submission that asked.
    if (line.kind == Line::Kind::interrupted) return false;
    if (line.kind == Line::Kind::end) {
      at_end_ = true;
      return false;
    }
    const std::string answer = ascii_lower(trim(line.text));
    if (std::ranges::find(kGo, answer) != kGo.end()) return true;
    if (std::ranges::find(kNoGo, answer) != kNoGo.end()) return false;
    err_ << "Please answer 'go' or 'no-go'.\n" << std::flush;
  }
}

std::string Prompt::read_submission(const Run& run) {
  std::string text;
  do {
    Line line = lines_.read(text.empty() ? "brainsurgery> " : "... ");
    if (line.kind == Line::Kind::interrupted) {
      drop_typed(err_, person_);
      return "";
    }
    if (line.kind == Line::Kind::end) {
      at_end_ = true;
      if (!person_ && !trim(text).empty())
        err_ << "warning: the input ends within a step, which is not done; an empty line ends YAML\n" << std::flush;
      return "";
    }
    text += line.text + "\n";
  } while (run.wants_more(text));
  return text;
}

void Prompt::serve(Run& run) {
  if (person_ && !run.ended()) err_ << kHint << std::flush;
  while (!run.ended() && !at_end_) {
    std::string text = read_submission(run);
    if (trim(text).empty()) continue;
    const auto outcome = run.step(std::make_shared<SourceText>(SourceText{"<prompt>", std::move(text)}));
    if (!take_ctrl_c()) throw_if_interrupted();
    if (!outcome.ok()) show_(outcome.error());
  }
  // The terminal shows Ctrl-D as nothing.
  if (person_ && at_end_) err_ << '\n' << std::flush;
}

}  // namespace brainsurgery
