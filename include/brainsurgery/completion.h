// What may stand where somebody is typing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace brainsurgery {

struct Completion {
  std::size_t begin = 0;           // the words replace the text from this byte on
  std::vector<std::string> words;  // sorted; each with what has to follow it, as in "from: ", so that one can go on
};

// What is being typed.
enum class Typed : std::uint8_t {
  steps,   // YAML or OLY
  tensor,  // a reference
  path,
};

}  // namespace brainsurgery
