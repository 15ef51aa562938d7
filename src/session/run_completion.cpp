// Completion at a prompt: what the models and the file system have.
#include "base/path_words.h"
#include "base/text.h"
#include "describe/completion.h"
#include "describe/step_completion.h"
#include "session/run.h"

namespace brainsurgery {
namespace {

bool is_harmless_name(const std::string& name) {
  return is_printable_ascii(name) || escape_for_terminal(name) == name;
}

}  // namespace

Completion Run::Impl::complete(std::string_view text, Typed typed) {
  if (typed == Typed::tensor) return {0, complete_names(references(text), text)};
  if (typed == Typed::path) return {0, complete_names(paths(text), text)};
  const NameSources sources{.references = [this](std::string_view word) { return references(word); },
                            .aliases = [this](std::string_view) { return aliases(); },
                            .paths = [this](std::string_view word) { return paths(word); }};
  return complete_steps(catalog_of(registries_), sources, text);
}

std::string Run::Impl::hint(std::string_view text) const { return hint_for_steps(catalog_of(registries_), text); }

std::vector<std::string> Run::Impl::references(std::string_view word) {
  const std::vector<std::string> known = aliases();
  const std::size_t colons = word.find("::");
  std::vector<std::string> result;
  const auto add = [&](const std::string& before, const std::string& alias, std::string_view prefix) {
    for (const std::string& name : names(alias, prefix)) {
      if (is_harmless_name(name)) result.push_back(before + name);
    }
  };
  if (colons != std::string_view::npos) {
    const std::string alias(word.substr(0, colons));
    add(alias + "::", alias, word.substr(colons + 2));
    return result;
  }
  const std::optional<std::string> implied = known.size() == 1 ? known.front() : run_.plan().default_alias();
  if (implied) add("", *implied, word);
  if (known.size() > 1) {
    for (const std::string& alias : known) result.push_back(alias + "::");
  }
  return result;
}

std::vector<std::string> Run::Impl::paths(std::string_view word) {
  return path_words(env_, word, is_harmless_name);
}

}  // namespace brainsurgery
