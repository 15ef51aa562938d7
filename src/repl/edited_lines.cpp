#include "repl/edited_lines.h"

#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/interrupt.h"
#include "base/text.h"
#include "brainsurgery/error.h"
#include "repl/candidates.h"

namespace brainsurgery {
namespace {

constexpr int kLookMilliseconds = 200;  // between looks at interruptions and at the terminal
constexpr int kUsualColumns = 80, kUsualRows = 24;

struct CloseFile {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File open_copy(int descriptor, const char* mode) {
  const int copy = ::dup(descriptor);
  File file(copy < 0 ? nullptr : ::fdopen(copy, mode));
  if (!file) throw Error(ErrorCode::run, "cannot open the terminal");
  return file;
}

struct EndLine {
  void operator()(EditLine* line) const { ::el_end(line); }
};
struct EndHistory {
  void operator()(History* history) const { ::history_end(history); }
};

// A terminal that shows nothing of what is typed while nobody reads, and keeps it as it is for whoever reads next, Ctrl-D
// too. Ctrl-C stays a signal.
class QuietTerminal {
 public:
  explicit QuietTerminal(int descriptor) : descriptor_(descriptor) {
    known_ = ::tcgetattr(descriptor, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (known_) ::tcsetattr(descriptor, TCSADRAIN, &quiet);
  }
  ~QuietTerminal() {
    if (known_) ::tcsetattr(descriptor_, TCSADRAIN, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

 private:
  int descriptor_;
  bool known_ = false;
  termios before_{};
};

// Characters in UTF-8 are what libedit's own conversions make of them under the locale.
void use_utf8() {
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) static_cast<void>(std::setlocale(LC_CTYPE, ""));
}

int columns_of(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const CodePoint next = decode_utf8(text);
    width += next.valid ? display_width(next.value) : 1;
    text.remove_prefix(static_cast<std::size_t>(next.length));
  }
  return width;
}

}  // namespace

class EditedLines::Impl {
 public:
  Impl(int in, int out, Look look, HistoryFile* history)
      : in_(in),
        look_(look),
        in_file_(open_copy(in, "r")),
        out_file_(open_copy(out, "w")),
        quiet_(in),
        kept_(history),
        history_(::history_init()) {
    use_utf8();
    editor_.reset(::el_init("brainsurgery", in_file_.get(), out_file_.get(), out_file_.get()));
    if (!editor_ || !history_) throw Error(ErrorCode::run, "cannot edit lines on this terminal");
    HistEvent event;
    ::history(history_.get(), &event, H_SETSIZE, static_cast<int>(HistoryFile::kMostEntries));
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    if (kept_ != nullptr) {
      for (const std::string& entry : kept_->entries()) enter(entry);
    }
    set_up();
  }

  Line read(const std::string& prompt, LineHelp* help) {
    help_ = help;
    prompt_width_ = columns_of(prompt);
    // A blank follows the escape at the end: libedit drops one that ends the prompt.
    const std::string_view shown = trim(prompt);
    prompt_ = look_.color ? "\1\x1b[1;36m\1" + std::string(shown) + "\1\x1b[0m\1 " : prompt;
    cycle_ = {};
    int count = 0;
    const char* text = ::el_gets(editor_.get(), &count);
    help_ = nullptr;
    if (interrupted()) return {Line::Kind::interrupted, ""};
    if (text == nullptr || count <= 0) return {Line::Kind::end, ""};
    std::string line(text, static_cast<std::size_t>(count));
    while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
    return {Line::Kind::text, std::move(line)};
  }

  void remember(const std::string& text) {
    if (trim(text).empty()) return;
    enter(text);
    if (kept_ != nullptr) kept_->add(text);
  }

 private:
  // What Tab has found and goes through.
  struct Cycle {
    std::string before;  // what stands before the words
    std::vector<std::string> words;
    std::optional<std::size_t> at;  // the one that stands there; nullopt: none yet
    std::string line;               // up to the cursor, as it was left
  };

  static Impl& of(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<Impl*>(self);
  }

  void set_up() {
    EditLine* editor = editor_.get();
    ::el_set(editor, EL_CLIENTDATA, this);
    ::el_set(editor, EL_EDITOR, "emacs");
    ::el_set(editor, EL_SIGNAL, 0);
    // What libedit leaves between lines: as QuietTerminal.
    ::el_set(editor, EL_SETTY, "-x", "-echo", "-icanon", nullptr);
    ::el_set(editor, EL_PROMPT_ESC, +[](EditLine* at) { return of(at).prompt_.data(); }, '\1');
    ::el_set(editor, EL_HIST, ::history, history_.get());
    ::el_set(editor, EL_GETCFN, +[](EditLine* at, wchar_t* to) { return of(at).next_character(to); });
    ::el_set(editor, EL_ADDFN, "complete-word", "Completes the word",
             +[](EditLine* at, int) { return of(at).complete(true); });
    ::el_set(editor, EL_ADDFN, "complete-back", "Goes back to the completion before",
             +[](EditLine* at, int) { return of(at).complete(false); });
    for (const auto& [key, command] : kKeys) ::el_set(editor, EL_BIND, key, command, nullptr);
  }

  static constexpr std::array<std::pair<const char*, const char*>, 13> kKeys{
      {{"^I", "complete-word"},
       {"\x1b[Z", "complete-back"},
       {"^R", "em-inc-search-prev"},
       {"^S", "em-inc-search-next"},
       {"^D", "em-delete-or-list"},
       {"^W", "ed-delete-prev-word"},
       {"\x1b[1;5D", "ed-prev-word"},
       {"\x1b[1;5C", "em-next-word"},
       {"\x1b[3~", "ed-delete-next-char"},
       {"\x1b[1~", "ed-move-to-beg"},
       {"\x1b[4~", "ed-move-to-end"},
       {"\x1b[H", "ed-move-to-beg"},
       {"\x1b[F", "ed-move-to-end"}}};

  void enter(const std::string& entry) {
    HistEvent event;
    ::history(history_.get(), &event, H_ENTER, entry.c_str());
  }

  [[nodiscard]] winsize window() const {
    winsize size{};
    if (::ioctl(::fileno(out_file_.get()), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
      size.ws_col = kUsualColumns, size.ws_row = kUsualRows;
    return size;
  }

  [[nodiscard]] std::string line_to_cursor() const {
    const LineInfo* line = ::el_line(editor_.get());
    return {line->buffer, line->cursor};
  }
  [[nodiscard]] bool cursor_is_last() const {
    const LineInfo* line = ::el_line(editor_.get());
    return line->cursor == line->lastchar;
  }

  // 1: there is one; 0: the end; -1: interrupted.
  int next_character(wchar_t* to) {
    const bool hinted = show_hint();
    const int count = read_character(to);
    if (hinted) show("\x1b[K");
    return count;
  }

  int read_character(wchar_t* to) {
    std::string bytes;
    while (true) {
      if (!wait_for_input()) return -1;
      char byte = 0;
      const ssize_t count = ::read(in_, &byte, 1);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return static_cast<int>(count);
      bytes += byte;
      const CodePoint point = decode_utf8(bytes);
      constexpr std::size_t kLongest = 4;
      const bool goes_on = !point.valid && static_cast<unsigned char>(bytes.front()) >= 0xC0 && bytes.size() < kLongest;
      if (goes_on) continue;
      *to = static_cast<wchar_t>(point.valid ? point.value : char32_t{0xFFFD});
      return 1;
    }
  }

  bool wait_for_input() {
    pollfd wanted{in_, POLLIN, 0};
    while (!interrupted()) {
      const int ready = ::poll(&wanted, 1, kLookMilliseconds);
      if (ready > 0 || (ready < 0 && errno != EINTR)) return !interrupted();
      adapt_to_terminal();
    }
    return false;
  }

  // Its size may change, and who stops the program and goes on with it may leave it in another mode.
  void adapt_to_terminal() {
    const winsize now = window();
    termios mode{};
    const bool taken_away = ::tcgetattr(in_, &mode) == 0 && (mode.c_lflag & ICANON) != 0;
    if (taken_away) ::el_set(editor_.get(), EL_PREP_TERM, 1);
    const bool resized = std::exchange(columns_, now.ws_col) != now.ws_col;
    if (resized) ::el_resize(editor_.get());
    if (taken_away || resized) ::el_set(editor_.get(), EL_REFRESH);
  }

  void show(const std::string& text) {
    static_cast<void>(std::fputs(text.c_str(), out_file_.get()));
    static_cast<void>(std::fflush(out_file_.get()));
  }

  // In grey behind the line, as far as it fits, when nothing else is typed at once.
  bool show_hint() {
    columns_ = window().ws_col;
    if (help_ == nullptr || !look_.color || !cursor_is_last()) return false;
    pollfd typed{in_, POLLIN, 0};
    if (::poll(&typed, 1, 0) != 0) return false;
    const std::string line = line_to_cursor();
    if (line.empty() || line.find('\n') != std::string::npos) return false;
    const std::string hint = escape_for_terminal(help_->hint(line));
    const int used = prompt_width_ + columns_of(line), room = columns_ - used - 1;
    if (hint.empty() || used >= columns_ || columns_of(hint) > room) return false;
    show("\x1b[90m" + hint + "\x1b[0m\x1b[" + std::to_string(columns_of(hint)) + "D");
    return true;
  }

  unsigned char complete(bool forwards) {
    const std::string line = line_to_cursor();
    if (help_ == nullptr) return CC_REFRESH_BEEP;
    if (!cycle_.words.empty() && cycle_.line == line) return show_next(forwards);
    Completion found = help_->complete(line);
    if (found.words.empty() || found.begin > line.size()) return CC_REFRESH_BEEP;
    const std::string typed = line.substr(found.begin), common = common_beginning(found.words);
    if (common.size() > typed.size() && common.starts_with(typed)) {
      ::el_insertstr(editor_.get(), common.substr(typed.size()).c_str());
      cycle_ = {};
      return CC_REFRESH;
    }
    if (found.words.size() == 1) return CC_REFRESH_BEEP;
    std::ranges::sort(found.words, naturally_less);
    list(found.words);
    cycle_ = {line.substr(0, found.begin), std::move(found.words), std::nullopt, line};
    return CC_REDISPLAY;
  }

  void list(const std::vector<std::string>& words) {
    const winsize size = window();
    show("\n" + in_columns(words, size.ws_col, std::max(1, size.ws_row - 4)));
  }

  // Puts the next word of the cycle in the place of what stands there.
  unsigned char show_next(bool forwards) {
    const std::size_t count = cycle_.words.size();
    const std::size_t before = cycle_.at.value_or(forwards ? count - 1 : 0);
    cycle_.at = (before + (forwards ? 1 : count - 1)) % count;
    const std::string& word = cycle_.words[*cycle_.at];
    const LineInfo* info = ::el_line(editor_.get());
    const std::string_view replaced =
        std::string_view(info->buffer, static_cast<std::size_t>(info->cursor - info->buffer)).substr(cycle_.before.size());
    int characters = 0;
    for (const char c : replaced) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    ::el_deletestr(editor_.get(), characters);
    ::el_insertstr(editor_.get(), word.c_str());
    cycle_.line = cycle_.before + word;
    return CC_REFRESH;
  }

  int in_;
  Look look_;
  File in_file_, out_file_;
  QuietTerminal quiet_;
  HistoryFile* kept_;
  std::unique_ptr<History, EndHistory> history_;
  std::unique_ptr<EditLine, EndLine> editor_;
  std::string prompt_;
  int prompt_width_ = 0;
  int columns_ = kUsualColumns;
  LineHelp* help_ = nullptr;
  Cycle cycle_;
};

EditedLines::EditedLines(int in, int out, Look look, HistoryFile* history)
    : impl_(std::make_unique<Impl>(in, out, look, history)) {}
EditedLines::~EditedLines() = default;

Line EditedLines::read(const std::string& prompt, LineHelp* help) { return impl_->read(prompt, help); }
void EditedLines::remember(const std::string& text) { impl_->remember(text); }

}  // namespace brainsurgery
