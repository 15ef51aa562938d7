#include "repl/line_reader.h"

#include <istream>
#include <ostream>

#include "base/interrupt.h"

namespace brainsurgery {

Line StreamLines::read(const std::string& prompt, LineHelp*) {
  if (look_.prompts) err_ << (look_.color ? "\x1b[1;36m" + prompt + "\x1b[0m" : prompt) << std::flush;
  std::string text;
  std::getline(in_, text);
  if (interrupted()) {
    in_.clear();
    return {Line::Kind::interrupted, ""};
  }
  // A last line without its end is a line too; the end comes with the next read.
  if (in_.fail()) return {Line::Kind::end, ""};
  if (text.ends_with('\r')) text.pop_back();
  return {Line::Kind::text, std::move(text)};
}

}  // namespace brainsurgery
