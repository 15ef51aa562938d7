// Steps that are being typed: where the end of an unfinished text stands in what it is going to be.
//
//   OpenText open = scan_open_text("copy: from: wte.w");
//   open.place        // OpenText::Place::value
//   open.path         // {"copy"}, {"from"}: the keys whose values are being written
//   open.word         // "wte.w"
//
// Knows the outline of YAML (block and flow) and OLY; what is wrong in a text that is finished is the parsers' business.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace brainsurgery {

struct OpenText {
  enum class Place {
    node,   // where anything may begin: a key, a value, an entry of a list
    key,    // a key of a mapping that was begun
    value,  // of a key, where no key of OLY can stand any more
    after,  // behind a value that is finished
  };
  // A mapping or a list that is open.
  struct Level {
    bool is_list = false;
    bool is_inline = false;         // in brackets or as OLY: entries are separated by commas
    bool in_brackets = false;       // that have to be closed
    std::string key = {};           // whose value is being written; empty: none, or a list
    std::vector<std::string> keys = {};  // that it has, the last one included
  };

  Place place = Place::node;
  std::vector<Level> levels;  // from the outermost one in
  std::string word;           // that is being typed, without its opening quote
  std::size_t begin = 0;      // of the word in the text, behind the quote
  char quote = 0;             // that is open
  bool needs_blank = false;   // behind a colon
  bool takes_oly = false;     // the value of a step's name on the first line: keys may follow without brackets
};

[[nodiscard]] OpenText scan_open_text(std::string_view text);

}  // namespace brainsurgery
