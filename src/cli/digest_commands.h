// `brainsurgery digest` and `brainsurgery verify`: the content of a checkpoint in 64 digits, and a checkpoint held against
// them.
#pragma once

#include <optional>
#include <string>

#include "brainsurgery/session.h"

namespace CLI {
class App;
}

namespace brainsurgery {

struct DigestArguments {
  std::string checkpoint;
  std::string expected;  // of verify: a digest or a file of digests
  bool each = false;     // of digest: a line for every tensor
};

// The commands as parts of `app`; parsing fills `arguments`, which must outlive it.
struct DigestCommands {
  CLI::App *digest, *verify;
};
[[nodiscard]] DigestCommands add_digest_commands(CLI::App& app, DigestArguments& arguments);

// What the one of them that was parsed prints; nullopt: none was. `json`: as JSON, where `digest` was.
[[nodiscard]] std::optional<Outcome<std::string>> run_digest_command(const DigestCommands& commands,
                                                                     const DigestArguments& arguments, bool json,
                                                                     Session& session);

}  // namespace brainsurgery
