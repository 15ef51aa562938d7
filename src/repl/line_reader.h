// Where a prompt gets its lines from.
//
//   StreamLines lines(std::cin, std::cerr, {.prompts = true});
//   Line line = lines.read("brainsurgery> ");
#pragma once

#include <iosfwd>
#include <string>

namespace brainsurgery {

struct Line {
  enum class Kind { text, interrupted, end } kind = Kind::end;
  std::string text;  // without its end
};

class LineReader {
 public:
  virtual ~LineReader() = default;
  // `prompt` is what a person sees before the line; escaped already, of one colour.
  virtual Line read(const std::string& prompt) = 0;
};

// Lines of a stream, as a terminal edits them, or of a pipe. A stream that ends with interrupted() can be read further.
class StreamLines final : public LineReader {
 public:
  struct Look {
    bool prompts = false;  // somebody sees them
    bool color = false;
  };
  StreamLines(std::istream& in, std::ostream& err, Look look) : in_(in), err_(err), look_(look) {}
  Line read(const std::string& prompt) override;

 private:
  std::istream& in_;
  std::ostream& err_;
  Look look_;
};

}  // namespace brainsurgery
