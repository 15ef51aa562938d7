#include "cli/web_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/config_arguments.h"
#include "cli/written_plan.h"

namespace brainsurgery {

CLI::App* add_web_command(CLI::App& app, WebArguments& arguments) {
  CLI::App* command = app.add_subcommand("web", "Serve a page to explore and edit checkpoints in a browser");
  command
      ->add_option("item", arguments.items, "Checkpoints to open, or a plan (YAML) with values for it: key.path[0]=value")
      ->type_name("PLAN|CHECKPOINT");
  command->add_option("--listen,--host", arguments.page.server.address, "The address to listen on")
      ->type_name("ADDRESS")
      ->capture_default_str();
  command->add_option("--port", arguments.page.server.port, "The port (default: 8766, or a free one; 0: a free one)")
      ->check(CLI::Range(0, 65535));
  command->add_option("--root", arguments.page.root, "The folder that bounds every path (default: the current one)")
      ->type_name("FOLDER");
  command->add_flag("--read-only", arguments.page.server.read_only, "Do no steps and write nothing");
  command->add_flag("--browser,--open-browser,!--no-browser,!--no-open-browser", arguments.browser,
                    "Open the page in a browser (default)");
  return command;
}

WebItems split_items(const std::vector<std::string>& items, Env& env) {
  WebItems split;
  for (const std::string& item : items) {
    if (has_plan_suffix(item) || !env.status(item)) {
      split.plans.push_back(item);
      continue;
    }
    split.checkpoints.push_back(env.real_path(item));
    const std::size_t count = split.checkpoints.size();
    const std::string alias = count == 1 ? "model" : fmt::format("model_{}", count);
    split.inputs += fmt::format("  - {}\n", yaml_quoted(alias + "::" + split.checkpoints.back()));
  }
  if (!split.inputs.empty()) split.inputs = "inputs:\n" + split.inputs;
  return split;
}

namespace {

// A file that only its owner reads and that leads to the page: what is on a command line everybody sees.
std::string redirect_file(const std::string& url) {
  const char* folder = std::getenv("XDG_RUNTIME_DIR");
  if (folder == nullptr) return "";
  std::string path = fmt::format("{}/brainsurgery-{}.html", folder, ::getpid());
  ::unlink(path.c_str());
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return "";
  const std::string page = fmt::format("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={}\">\n", url);
  const bool written = ::write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size());
  ::close(file);
  return written ? path : "";
}

}  // namespace

void open_browser(const std::string& url) {
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) return;
  const std::string path = redirect_file(url);
  if (path.empty()) return;
  const pid_t child = ::fork();
  if (child > 0) ::waitpid(child, nullptr, 0);
  if (child != 0) return;
  // The browser is nobody's child.
  if (::fork() == 0) ::execlp("xdg-open", "xdg-open", path.c_str(), static_cast<char*>(nullptr));
  ::_exit(0);
}

}  // namespace brainsurgery
