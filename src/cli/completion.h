// Completion of the command line by shells: scripts that ask the program, and what it answers.
//
//   brainsurgery completion bash                     prints the script
//   brainsurgery complete -- run plan.yaml out       what the script calls: candidates for the last word, one a line
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "brainsurgery/env.h"
#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

[[nodiscard]] std::vector<std::string> completion_shells();
// `shell` is one of completion_shells().
[[nodiscard]] std::string_view completion_script(std::string_view shell);

// Candidates for the last of `words`, which follow the program's name; each begins with that word. Commands, options
// and their words come from `app`, and what stands for itself by the type that it gives an argument: PLAN, CHECKPOINT,
// FILE, FOLDER, TOPIC, PART. One that ends in '/', '.', ':' or '=' is to be continued. No error: what cannot be read
// offers nothing.
[[nodiscard]] std::vector<std::string> complete_words(const CLI::App& app, std::vector<std::string> words,
                                                      Session& session, Env& env);

}  // namespace brainsurgery
