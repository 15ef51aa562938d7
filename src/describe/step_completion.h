// What may follow in steps that are being typed, as YAML or as OLY.
//
//   Completion next = complete_steps(catalog, sources, "copy: from: a, t");
//   next.words      // {"to: "}
//   next.begin      // 15: they replace what the text has from here on
//
// Pure, but for the sources.
#pragma once

#include <string>
#include <string_view>

#include "brainsurgery/completion.h"
#include "describe/field_words.h"

namespace brainsurgery {

[[nodiscard]] Completion complete_steps(const Catalog& catalog, const NameSources& sources, std::string_view text);

// What is expected behind the text, for somebody who types: the rest of the only word that fits, the keys that are
// missing, or the noun of a value. Empty: nothing is known. Asks no source.
[[nodiscard]] std::string hint_for_steps(const Catalog& catalog, std::string_view text);

}  // namespace brainsurgery
