// What can go wrong and where: source positions, diagnostics, the one exception type and the value that carries it out
// of the library.
//
//   throw Error(ErrorCode::run, "cannot read 'a.safetensors': Input/output error");
//   diagnostics.error(span, "unknown key 'form'", {"did you mean 'from'?"});
//
// A mistake in the user's text is collected as a Diagnostic and the work goes on; what ends a run is thrown as an
// Error.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace brainsurgery {

// The values are the program's exit codes.
enum class ErrorCode {
  assertion = 1,  // an assertion or a comparison did not hold
  plan = 2,       // the plan or the command line is wrong
  run = 3,        // input, output, memory, or an interruption
  internal = 4,   // our bug
};

// A text that messages can point into. Immutable; may be shared between threads.
struct SourceText {
  std::string name;  // as shown to the user: "plan.yaml", "<stdin>", "argument 2"
  std::string text;
};

// A place in a text. `line` and `column` count from 1, columns in bytes; line 0 means "the text as a whole".
struct SourceSpan {
  std::shared_ptr<const SourceText> source;
  int line = 0;
  int column = 0;
  int length = 1;

  [[nodiscard]] bool known() const { return source != nullptr && line > 0; }
};

enum class Severity { error, warning, note };

// One message. `notes` add what would help; they are shown below the message, one per line.
struct Diagnostic {
  Severity severity = Severity::error;
  SourceSpan span;
  std::string message;
  std::vector<std::string> notes;
};

// Renders "file:line:col: error: message", the line and a caret, then the notes, each line ended by '\n'.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

// Collects the mistakes of one pass over the user's text.
class Diagnostics {
 public:
  void error(SourceSpan span, std::string message, std::vector<std::string> notes = {});
  void warning(SourceSpan span, std::string message, std::vector<std::string> notes = {});
  void add(Diagnostic diagnostic);
  void add(const class Error& error);

  [[nodiscard]] bool has_errors() const { return error_count_ > 0; }
  [[nodiscard]] int error_count() const { return error_count_; }
  // Enough mistakes for one reading: passes stop looking for more.
  static constexpr int kEnough = 100;
  [[nodiscard]] bool enough() const { return error_count_ >= kEnough; }
  [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }
  // Throws an Error of ErrorCode::plan holding everything collected, if there is an error among it.
  void throw_if_errors() const;

 private:
  std::vector<Diagnostic> items_;
  int error_count_ = 0;
};

// The one exception type. Foreign exceptions are translated to it in the file that calls the library.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string message, SourceSpan span = {}, std::vector<std::string> notes = {});
  Error(ErrorCode code, std::vector<Diagnostic> diagnostics);

  [[nodiscard]] ErrorCode code() const { return code_; }
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

  // A copy with "while ..." appended to the notes of the first diagnostic: stages add context, they never re-word.
  [[nodiscard]] Error with_note(std::string note) const;
  // A copy that points to `span` where the first diagnostic had no place.
  [[nodiscard]] Error at(const SourceSpan& span) const;

 private:
  ErrorCode code_;
  std::vector<Diagnostic> diagnostics_;
};

// Every diagnostic of the error, rendered.
[[nodiscard]] std::string to_string(const Error& error);

// A value or the Error that prevented it: what Session, the library's only door, returns.
template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::move(value)) {}
  Outcome(Error error) : state_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return std::holds_alternative<T>(state_); }
  [[nodiscard]] T& value() { return std::get<T>(state_); }
  [[nodiscard]] const T& value() const { return std::get<T>(state_); }
  [[nodiscard]] const Error& error() const { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

// Stops with ErrorCode::internal when `condition` is false: a state that no input can bring about.
#define BS_CHECK(condition)                                                       \
  do {                                                                            \
    if (!(condition)) ::brainsurgery::fail_check(#condition, __FILE__, __LINE__); \
  } while (false)
[[noreturn]] void fail_check(const char* condition, const char* file, int line);

}  // namespace brainsurgery
