#include "cli/digest_commands.h"

#include <CLI/CLI.hpp>

#include "base/text.h"

namespace brainsurgery {

DigestCommands add_digest_commands(CLI::App& app, DigestArguments& arguments) {
  CLI::App* digest = app.add_subcommand(
      "digest", "Print the SHA-256 of a checkpoint's content, the same in every format and sharding");
  digest->add_option("path", arguments.checkpoint, "The checkpoint")->type_name("CHECKPOINT")->required();
  digest->add_flag("--tensors", arguments.each, "A line for every tensor too");
  CLI::App* verify = app.add_subcommand("verify", "Hold a checkpoint against a digest, or against a file of digests");
  verify->add_option("path", arguments.checkpoint, "The checkpoint")->type_name("CHECKPOINT")->required();
  verify
      ->add_option("expected", arguments.expected,
                   "The digest, sha256:..., or a file that 'digest --json' printed, which names what differs")
      ->type_name("DIGEST")
      ->required();
  return {digest, verify};
}

std::optional<Outcome<std::string>> run_digest_command(const DigestCommands& commands,
                                                       const DigestArguments& arguments, bool json, Session& session) {
  if (commands.digest->parsed()) {
    return json ? session.digest_json(arguments.checkpoint)
                : session.digest_text(arguments.checkpoint, arguments.each);
  }
  if (!commands.verify->parsed()) return std::nullopt;
  Outcome<std::string> held = session.verify(arguments.checkpoint, arguments.expected);
  if (!held.ok()) return held;
  return Outcome<std::string>(escape_for_terminal(held.value()) + "\n");
}

}  // namespace brainsurgery
