// The words that a field takes, as far as they are known.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "describe/catalog.h"

namespace brainsurgery {

// What models and folders have, asked for only where a field takes it. Each gets the word that is being completed and
// gives at least the candidates that begin with it; one that is not set has none.
struct NameSources {
  std::function<std::vector<std::string>(std::string_view word)> references = {};  // "name" or "alias::name"
  std::function<std::vector<std::string>(std::string_view word)> aliases = {};
  std::function<std::vector<std::string>(std::string_view word)> paths = {};  // folders end in '/'
};

[[nodiscard]] std::vector<std::string> names_of(const std::vector<Schema>& schemas);
[[nodiscard]] std::vector<std::string> words_for(const FieldType& type, const Catalog& catalog,
                                                 const NameSources& sources, std::string_view word);

}  // namespace brainsurgery
