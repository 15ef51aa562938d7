// A configuration of mergekit-yaml as a plan of ours.
//
//   merge_method: linear                 inputs: [base::models/base, ft1::models/ft1]
//   models:                              transforms:
//     - model: models/base        ->       - merge: {method: linear, models: [{of: 'base::(.*)', weight: 0.4}, ...],
//       parameters: {weight: 0.4}                    to: 'merged::\1', consistency: mergekit}
//     - ...                              output: {path: OUT, model: merged}
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "merging/mergekit/config.h"

namespace brainsurgery::merging {

// The text of a file; nullopt: there is none.
using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

// `output`: the path to write to; empty: the plan has no output. config.json of the models is read for the number of
// layers and for tied heads. Throws Error(plan) with the mistakes of the configuration.
[[nodiscard]] YamlPtr mergekit_plan(const std::shared_ptr<const SourceText>& config, const std::string& output,
                                    const ReadText& read_text);

}  // namespace brainsurgery::merging
