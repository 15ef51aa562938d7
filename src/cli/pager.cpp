#include "cli/pager.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace brainsurgery {
namespace {

constexpr int kNotFound = 127;  // by which a shell says that there is no such program

// Whether the text takes more rows than the terminal has, one of which is for the prompt behind it.
bool is_longer_than_terminal(std::string_view text) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return false;
  std::size_t rows = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    rows += 1 + (end == 0 ? 0 : (end - 1) / size.ws_col);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rows >= size.ws_row;
}

class IgnoredSignal {
 public:
  explicit IgnoredSignal(int signal) : signal_(signal) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(signal, &ignore, &before_);
  }
  ~IgnoredSignal() { ::sigaction(signal_, &before_, nullptr); }
  IgnoredSignal(const IgnoredSignal&) = delete;
  IgnoredSignal& operator=(const IgnoredSignal&) = delete;

 private:
  int signal_;
  struct sigaction before_ {};
};

[[noreturn]] void become(const std::string& program, const int (&pipe)[2]) {
  for (const int signal : {SIGINT, SIGPIPE}) ::signal(signal, SIG_DFL);
  ::dup2(pipe[0], STDIN_FILENO);
  ::close(pipe[0]);
  ::close(pipe[1]);
  static_cast<void>(::setenv("LESS", "FRX", 0));
  ::execl("/bin/sh", "sh", "-c", program.c_str(), static_cast<char*>(nullptr));
  ::_exit(kNotFound);
}

// What the reader does not want any more is dropped.
void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool show_with(const std::string& program, const std::string& text) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  const IgnoredSignal interrupt(SIGINT);
  const pid_t child = ::fork();
  if (child == 0) become(program, ends);
  ::close(ends[0]);
  if (child > 0) write_all(ends[1], text);
  ::close(ends[1]);
  if (child < 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return !(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound);
}

}  // namespace

std::function<bool(const std::string& text)> pager(const VariableLookup& environment) {
  const std::string program = environment("PAGER").value_or("less");
  if (program.empty() || program == "cat") return {};
  return [program](const std::string& text) { return is_longer_than_terminal(text) && show_with(program, text); };
}

}  // namespace brainsurgery
