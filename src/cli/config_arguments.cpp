#include "cli/config_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <istream>
#include <iterator>

#include "base/interrupt.h"
#include "base/spelling.h"
#include "base/text.h"
#include "recipes/recipes.h"

namespace brainsurgery {
namespace {

constexpr std::int64_t kMaxPlanBytes = std::int64_t{256} << 20;

bool is_file(const std::string& word, Env& env) {
  const std::optional<FileStatus> status = env.status(word);
  return status && status->kind == FileStatus::Kind::regular;
}

bool is_plan(const std::string& word, bool first, Env& env) {
  if (word.empty()) return false;
  if (word.find('=') != std::string::npos) return is_file(word, env);
  // A shell's <(...) is a path below /dev.
  return first || word == kStandardInput || is_recipe_word(word) || word.starts_with("/dev/") || has_plan_suffix(word);
}

// Names of the folder that `path` would be in; none where there is no such folder.
std::vector<std::string> neighbours(const std::string& folder, Env& env) {
  try {
    return env.list(folder);
  } catch (const Error&) {
    return {};
  }
}

Error missing(const std::string& path, Env& env) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  std::vector<std::string> notes;
  if (const auto near = nearest(path.substr(folder.size()), neighbours(folder.empty() ? "." : folder, env))) {
    notes.push_back(fmt::format("did you mean '{}{}'?", folder, *near));
  }
  return {ErrorCode::plan, fmt::format("plan file '{}' does not exist", path), {}, std::move(notes)};
}

std::string read_file(const std::string& path, Env& env) {
  try {
    if (!path.starts_with("/dev/") && !env.status(path)) throw missing(path, env);
    return env.read_text(path, kMaxPlanBytes);
  } catch (const Error& error) {
    throw Error(ErrorCode::plan, error.diagnostics());
  }
}

}  // namespace

bool has_plan_suffix(const std::string& word) {
  const std::string lowered = ascii_lower(word);
  return lowered.ends_with(".yaml") || lowered.ends_with(".yml");
}

std::string read_standard_input(std::istream& in) {
  std::string text(std::istreambuf_iterator<char>(in), {});
  throw_if_interrupted();
  return text;
}

std::vector<ConfigItem> read_config_items(const std::vector<std::string>& items, const std::vector<std::string>& typed,
                                          Env& env, std::istream& in) {
  std::vector<ConfigItem> result;
  bool input_used = false;
  auto place = typed.begin();
  for (const std::string& word : items) {
    // Options may stand between the items.
    place = std::find(place == typed.end() ? place : place + 1, typed.end(), word);
    SourceText text;
    const bool plan = is_plan(word, result.empty(), env);
    if (!plan) {
      text = {fmt::format("argument {}", place - typed.begin()), word};
    } else if (word == kStandardInput) {
      if (input_used) throw Error(ErrorCode::plan, "standard input can be one of the plans only");
      input_used = true;
      text = {"<stdin>", read_standard_input(in)};
    } else if (is_recipe_word(word)) {
      text = {word, std::string(find_recipe(word).text)};
    } else {
      text = {word, read_file(word, env)};
    }
    result.push_back({plan ? ConfigItem::Kind::file : ConfigItem::Kind::assignment,
                      std::make_shared<const SourceText>(std::move(text))});
  }
  return result;
}

namespace {

// The values of an option that may be repeated, each with the number of its word. `spellings`: the option and its `=`.
std::vector<ConfigItem> option_items(ConfigItem::Kind kind, const std::vector<std::string>& values,
                                     const std::vector<std::string>& typed,
                                     const std::vector<std::string>& spellings) {
  std::vector<ConfigItem> result;
  auto place = typed.begin();
  for (const std::string& value : values) {
    const auto is_value = [&](const std::string& word) {
      return word == value || std::ranges::any_of(spellings, [&](const std::string& option) { return word == option + value; });
    };
    place = std::find_if(place == typed.end() ? place : place + 1, typed.end(), is_value);
    result.push_back({kind, std::make_shared<SourceText>(SourceText{fmt::format("argument {}", place - typed.begin()), value})});
  }
  return result;
}

}  // namespace

std::vector<ConfigItem> oly_items(const std::vector<std::string>& lines, const std::vector<std::string>& typed) {
  return option_items(ConfigItem::Kind::step, lines, typed, {"--oly="});
}

std::vector<ConfigItem> parameter_items(const std::vector<std::string>& values, const std::vector<std::string>& typed) {
  return option_items(ConfigItem::Kind::parameter, values, typed, {"-p", "--param="});
}

}  // namespace brainsurgery
