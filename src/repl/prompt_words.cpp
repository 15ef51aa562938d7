#include "repl/prompt_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "plan/oly_words.h"
#include "publish/staged_file.h"
#include "repl/tensor_list.h"
#include "repl/tensor_view.h"

namespace brainsurgery {
namespace {

template <typename Value>
Value taken(Outcome<Value> outcome) {
  if (!outcome.ok()) throw outcome.error();
  return std::move(outcome.value());
}

void refuse_argument(const std::string& word, const std::string& argument) {
  if (!argument.empty())
    throw Error(ErrorCode::plan, fmt::format("{} takes nothing; found '{}'", word, argument));
}

// How often; once where nothing is said.
std::int64_t times(const std::string& argument) {
  constexpr std::int64_t kMost = 1'000'000;
  if (argument.empty()) return 1;
  std::int64_t count = 0;
  for (const char c : argument) {
    if (c < '0' || c > '9' || count > kMost) throw Error(ErrorCode::plan, fmt::format("'{}' is no number of steps", argument));
    count = count * 10 + (c - '0');
  }
  return count;
}

std::string changes_of(const DoneStep& step) {
  std::string text;
  for (const auto& [count, what] :
       {std::pair{step.created, "created"}, {step.changed, "changed"}, {step.deleted, "deleted"}}) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  }
  return text;
}

// The first line of a step, for lists.
std::string first_line(const std::string& text) {
  const std::size_t end = text.find('\n');
  const bool more = end != std::string::npos && end + 1 < text.size();
  return escape_for_terminal(text.substr(0, end)) + (more ? " ..." : "");
}

}  // namespace

struct PromptWords::Word {
  std::string_view name, argument, meaning;
  enum class Takes : std::uint8_t { nothing, tensor, path, topic } takes;
  std::string (PromptWords::*perform)(const std::string& argument);
};

const std::vector<PromptWords::Word>& PromptWords::table() {
  using enum Word::Takes;
  static const std::vector<Word> words{
      {"show", "NAME", "Shape, statistics, a corner and a histogram of a tensor.", tensor, &PromptWords::show},
      {"ls", "[PATTERN]", "The tensors, or those whose names match or begin so.", tensor, &PromptWords::list},
      {"undo", "[N]", "Takes the last step back, or the last N.", nothing, &PromptWords::undo},
      {"redo", "[N]", "Does again what undo took back.", nothing, &PromptWords::redo},
      {"history", "", "The steps that can be taken back.", nothing, &PromptWords::history},
      {"plan", "", "The steps so far as a plan that makes the same.", nothing, &PromptWords::plan},
      {"write", "PLAN.yaml", "Writes this plan to a file.", path, &PromptWords::write},
      {"help", "[STEP]", "The steps, or one of them.", topic, &PromptWords::help}};
  return words;
}

const PromptWords::Word* PromptWords::find(std::string_view name) {
  const auto found = std::ranges::find(table(), name, &Word::name);
  return found == table().end() ? nullptr : &*found;
}

std::optional<PromptWords::Command> PromptWords::parse(std::string_view line) {
  line = trim(line);
  const std::size_t length = oly_identifier_length(line);
  if (find(line.substr(0, length)) == nullptr) return std::nullopt;
  const std::string_view rest = line.substr(length);
  const bool is_word = rest.empty() || ((rest.front() == ' ' || rest.front() == '\t') && !trim(rest).starts_with(':'));
  if (!is_word) return std::nullopt;
  return Command{std::string(line.substr(0, length)), std::string(trim(rest))};
}

std::string PromptWords::perform(const Command& command) { return (this->*find(command.word)->perform)(command.argument); }

std::vector<std::string> PromptWords::beginning_with(const std::string& line) {
  std::vector<std::string> words;
  for (const Word& word : table()) {
    if (word.name.starts_with(line)) words.push_back(std::string(word.name) + (word.takes == Word::Takes::nothing ? "" : " "));
  }
  return words;
}

std::optional<Completion> PromptWords::complete(const std::string& line) {
  const std::size_t blank = line.find(' ');
  const Word* word = blank == std::string::npos ? nullptr : find(std::string_view(line).substr(0, blank));
  if (word == nullptr || trim(std::string_view(line).substr(blank)).starts_with(':')) return std::nullopt;
  const std::size_t begin = std::min(line.find_first_not_of(' ', blank), line.size());
  const std::string argument = line.substr(begin);
  Completion found;
  if (word->takes == Word::Takes::topic) {
    const std::size_t second = argument.find(' ');
    const auto step = second == std::string::npos ? std::nullopt : std::optional(argument.substr(0, second));
    found.begin = step ? second + 1 : 0;
    found.words = taken(session_.complete_topic(step, argument.substr(found.begin)));
  } else if (word->takes != Word::Takes::nothing) {
    found = taken(run_.complete(argument, word->takes == Word::Takes::path ? Typed::path : Typed::tensor));
  }
  found.begin += begin;
  return found;
}

std::string PromptWords::undo(const std::string& argument) {
  std::string text;
  for (std::int64_t left = times(argument); left > 0; --left) {
    const std::vector<DoneStep> done = taken(run_.history());
    if (!taken(run_.undo())) return text + "nothing to take back\n";
    text += "took back " + first_line(done.back().text) + "\n";
  }
  return text;
}

std::string PromptWords::redo(const std::string& argument) {
  std::string text;
  for (std::int64_t left = times(argument); left > 0; --left) {
    if (!taken(run_.redo())) return text + "nothing to do again\n";
    text += "did again " + first_line(taken(run_.history()).back().text) + "\n";
  }
  return text;
}

std::string PromptWords::history(const std::string& argument) {
  refuse_argument("history", argument);
  const std::vector<DoneStep> steps = taken(run_.history());
  if (steps.empty()) return "no step was done here yet\n";
  std::string text;
  int number = 0;
  for (const DoneStep& step : steps) {
    const std::string changes = changes_of(step);
    text += fmt::format("{:>3}  {}{}\n", ++number, first_line(step.text), changes.empty() ? "" : "  (" + changes + ")");
  }
  return text;
}

std::string PromptWords::plan(const std::string& argument) {
  refuse_argument("plan", argument);
  return taken(run_.plan());
}

std::string PromptWords::write(const std::string& path) {
  const std::string lower = ascii_lower(path);
  if (!lower.ends_with(".yaml") && !lower.ends_with(".yml")) {
    throw Error(ErrorCode::plan, fmt::format("write takes the path of a plan, which ends in .yaml; found '{}'", path), {},
                {"a step writes the model: help save"});
  }
  const std::string text = taken(run_.plan());
  StagedFile staged(env_, path, {.overwrite = true, .sync = true});
  staged.file().write(0, std::as_bytes(std::span(text)));
  staged.commit();
  return fmt::format("wrote {}\n", escape_for_terminal(path));
}

std::string PromptWords::show(const std::string& reference) {
  if (reference.empty()) throw Error(ErrorCode::plan, "show takes the name of a tensor", {}, {"ls lists them"});
  const TensorRef ref = reference_of(run_, reference);
  const std::string alias = ref.alias.value_or("");
  std::string name = ref.expr;
  const std::vector<std::string> same = taken(run_.names(alias, name));
  if (same.empty() || same.front() != name) {
    const std::vector<ListedTensor> found = matching_tensors(run_, ref);
    if (found.size() > 1) return table_of(found, false);
    name = found.front().info.name;
  }
  const std::string slice = ref.slice ? ref.slice->text : "";
  const int columns = columns_();
  const std::vector<TensorInfo> infos = taken(run_.tensors(alias, name));
  const std::int64_t elements = infos.empty() ? 0 : element_count(infos.front().shape);
  const TensorProfile profile = taken(run_.profile({alias, name, slice, usual_bins(elements, columns)}));
  const CornerPart corner = corner_of(profile.part.shape, columns);
  const std::vector<Number> values = corner_values({alias, name, slice}, profile.part.shape, corner);
  return tensor_view(escape_for_terminal(alias + "::" + name + slice), profile, corner, values);
}

// Of a part the rows are read as a whole: its corner has no slice of its own.
std::vector<Number> PromptWords::corner_values(ValueQuery query, const Shape& shape, const CornerPart& corner) {
  query.statistics = false;
  query.most_values = corner.count;
  if (query.slice.empty()) {
    query.slice = corner.slice;
    return taken(run_.value(query)).values;
  }
  const std::int64_t row = shape.empty() ? 1 : shape.back();
  query.most_values = corner.rows == 1 ? corner.columns : corner.rows * row;
  const std::vector<Number> read = taken(run_.value(query)).values;
  std::vector<Number> values;
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (static_cast<std::int64_t>(i) % row < corner.columns) values.push_back(read[i]);
  }
  return values;
}

std::string PromptWords::list(const std::string& pattern) {
  const std::vector<std::string> aliases = taken(run_.aliases());
  if (aliases.empty()) return "there is no model yet\n";
  if (!pattern.empty()) return table_of(matching_tensors(run_, reference_of(run_, pattern)), aliases.size() > 1);
  std::string text;
  for (const std::string& alias : aliases) text += tree_of(alias, taken(run_.tensors(alias)));
  return text;
}

std::string PromptWords::help(const std::string& topic) {
  if (topic.empty()) {
    std::string text = "At the prompt, beside the steps:\n";
    for (const Word& word : table())
      text += fmt::format("  {:<18} {}\n", fmt::format("{} {}", word.name, word.argument), word.meaning);
    return text + taken(session_.help(std::nullopt, std::nullopt));
  }
  if (const Word* word = find(topic); word != nullptr && !session_.help(topic, std::nullopt).ok())
    return fmt::format("{} {}: {}\n", word->name, word->argument, word->meaning);
  const std::size_t blank = topic.find(' ');
  if (blank == std::string::npos) return taken(session_.help(topic, std::nullopt));
  return taken(session_.help(topic.substr(0, blank), std::string(trim(topic.substr(blank)))));
}

}  // namespace brainsurgery
