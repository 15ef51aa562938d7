// Errors and how they are shown: "file:line:col: error: message", the line of the text, a caret below it, the notes.
#include "brainsurgery/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/interrupt.h"
#include "base/text.h"

namespace brainsurgery {
namespace {

// Source lines wider than this are shown around the caret only.
constexpr int kMaxLineWidth = 100;

// One character of a source line as shown.
struct Cell {
  std::string text;
  int width = 1;
  int byte = 0;  // where it starts in the line, from 0
};

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::vector<Cell> cells_of(std::string_view line) {
  std::vector<Cell> cells;
  for (int byte = 0; byte < static_cast<int>(line.size());) {
    const std::string_view rest = line.substr(static_cast<std::size_t>(byte));
    const CodePoint point = decode_utf8(rest);
    const std::string_view raw = rest.substr(0, static_cast<std::size_t>(point.length));
    // A tab is shown as one blank so that the caret needs no tab stops.
    std::string shown = raw == "\t" ? " " : escape_for_terminal(raw);
    const int width = shown == raw ? display_width(point.value) : static_cast<int>(shown.size());
    cells.push_back({std::move(shown), width, byte});
    byte += point.length;
  }
  return cells;
}

struct Window {
  std::size_t first = 0, last = 0;  // cells [first, last)
};

// The cells to show: all where they fit, else a stretch that starts somewhat before the caret.
Window window_around(const std::vector<Cell>& cells, std::size_t caret) {
  Window window{0, cells.size()};
  int width = 0;
  for (const Cell& cell : cells) width += cell.width;
  if (width <= kMaxLineWidth) return window;
  window.first = std::min(caret, cells.size());
  for (int room = kMaxLineWidth / 3; window.first > 0; --window.first) {
    room -= cells[window.first - 1].width;
    if (room < 0) break;
  }
  window.last = window.first;
  for (int room = kMaxLineWidth; window.last < cells.size(); ++window.last) {
    room -= cells[window.last].width;
    if (room < 0) break;
  }
  return window;
}

std::string render_line(const SourceSpan& span) {
  const std::vector<Cell> cells = cells_of(line_of(span.source->text, span.line));
  const int begin = std::max(span.column, 1) - 1;
  const auto at = std::find_if(cells.begin(), cells.end(), [&](const Cell& cell) { return cell.byte >= begin; });
  const auto caret = static_cast<std::size_t>(at - cells.begin());
  const Window window = window_around(cells, caret);

  std::string shown = window.first > 0 ? "..." : "";
  std::string marks(shown.size(), ' ');
  for (std::size_t i = window.first; i < window.last; ++i) {
    shown += cells[i].text;
    const int after_begin = cells[i].byte - begin;
    if (i < caret) marks.append(static_cast<std::size_t>(cells[i].width), ' ');
    if (i == caret && cells[i].width > 0) marks += '^' + std::string(static_cast<std::size_t>(cells[i].width - 1), '~');
    if (i > caret && after_begin < span.length) marks.append(static_cast<std::size_t>(cells[i].width), '~');
  }
  if (caret >= window.last) marks += '^';
  if (window.last < cells.size()) shown += "...";
  while (shown.ends_with(' ')) shown.pop_back();
  return fmt::format("{:>5} |{}{}\n      | {}\n", span.line, shown.empty() ? "" : " ", shown, marks);
}

std::string_view word_for(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "error";
}

std::string first_message(const std::vector<Diagnostic>& diagnostics) {
  const auto error = std::find_if(diagnostics.begin(), diagnostics.end(),
                                  [](const Diagnostic& d) { return d.severity == Severity::error; });
  if (error != diagnostics.end()) return error->message;
  return diagnostics.empty() ? std::string("unknown error") : diagnostics.front().message;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  const SourceSpan& span = diagnostic.span;
  std::string out;
  if (span.source != nullptr) {
    out = escape_for_terminal(span.source->name);
    if (span.known()) out += fmt::format(":{}:{}", span.line, std::max(span.column, 1));
    out += ": ";
  }
  fmt::format_to(std::back_inserter(out), "{}: {}\n", word_for(diagnostic.severity),
                 escape_for_terminal(diagnostic.message));
  if (span.known()) out += render_line(span);
  for (const std::string& note : diagnostic.notes) {
    fmt::format_to(std::back_inserter(out), "  note: {}\n", escape_for_terminal(note));
  }
  return out;
}

void Diagnostics::error(SourceSpan span, std::string message, std::vector<std::string> notes) {
  add(Diagnostic{Severity::error, std::move(span), std::move(message), std::move(notes)});
}

void Diagnostics::warning(SourceSpan span, std::string message, std::vector<std::string> notes) {
  add(Diagnostic{Severity::warning, std::move(span), std::move(message), std::move(notes)});
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::error) ++error_count_;
  items_.push_back(std::move(diagnostic));
}

void Diagnostics::add(const Error& error) {
  throw_if_interrupted();  // not a mistake of the text
  for (const Diagnostic& diagnostic : error.diagnostics()) add(diagnostic);
}

void Diagnostics::throw_if_errors() const {
  if (has_errors()) throw Error(ErrorCode::plan, items_);
}

Error::Error(ErrorCode code, std::string message, SourceSpan span, std::vector<std::string> notes)
    : std::runtime_error(message),
      code_(code),
      diagnostics_{Diagnostic{Severity::error, std::move(span), message, std::move(notes)}} {}

Error::Error(ErrorCode code, std::vector<Diagnostic> diagnostics)
    : std::runtime_error(first_message(diagnostics)), code_(code), diagnostics_(std::move(diagnostics)) {}

Error Error::with_note(std::string note) const {
  Error copy = *this;
  if (!copy.diagnostics_.empty()) copy.diagnostics_.front().notes.push_back(std::move(note));
  return copy;
}

Error Error::at(const SourceSpan& span) const {
  Error copy = *this;
  if (!copy.diagnostics_.empty() && !copy.diagnostics_.front().span.known()) copy.diagnostics_.front().span = span;
  return copy;
}

std::string to_string(const Error& error) {
  std::string out;
  for (const Diagnostic& diagnostic : error.diagnostics()) out += to_string(diagnostic);
  return out;
}

void fail_check(const char* condition, const char* file, int line) {
  throw Error(ErrorCode::internal, fmt::format("internal check failed: {} ({}:{})", condition, file, line), {},
              {"this is a bug in brainsurgery; please report it with the plan"});
}

}  // namespace brainsurgery
