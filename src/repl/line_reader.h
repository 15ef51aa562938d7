// Where a prompt gets its lines from.
//
//   StreamLines lines(std::cin, std::cerr, {.prompts = true});
//   Line line = lines.read("brainsurgery> ", nullptr);
#pragma once

#include <iosfwd>
#include <string>

#include "brainsurgery/completion.h"

namespace brainsurgery {

struct Line {
  enum class Kind { text, interrupted, end } kind = Kind::end;
  std::string text;  // without its end
};

// Helps somebody who types a line.
class LineHelp {
 public:
  virtual ~LineHelp() = default;
  // `line`: up to the cursor.
  [[nodiscard]] virtual Completion complete(const std::string& line) = 0;
  // What is shown behind the cursor, in grey; empty: nothing.
  [[nodiscard]] virtual std::string hint(const std::string& line) = 0;
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  // `prompt` is what a person sees before the line; escaped already, of one colour. `help`: nullptr where the line is
  // an answer rather than a text.
  virtual Line read(const std::string& prompt, LineHelp* help) = 0;
  // A text of one or more lines that was read as a whole, to be offered again. Readers without a history ignore it.
  virtual void remember(const std::string&) {}
};

// Lines of a stream, as a terminal edits them, or of a pipe. A stream that ends with interrupted() can be read further.
class StreamLines final : public LineReader {
 public:
  struct Look {
    bool prompts = false;  // somebody sees them
    bool color = false;
  };
  StreamLines(std::istream& in, std::ostream& err, Look look) : in_(in), err_(err), look_(look) {}
  Line read(const std::string& prompt, LineHelp* help) override;

 private:
  std::istream& in_;
  std::ostream& err_;
  Look look_;
};

}  // namespace brainsurgery
