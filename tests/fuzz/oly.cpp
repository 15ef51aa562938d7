// Any bytes as lines of OLY: a step or a message; what is printed of a step, as OLY and as YAML, reads back as the
// same.
#include "plan/oly.h"
#include "fuzz/fuzz.h"
#include "plan/yaml_printer.h"

using namespace brainsurgery;

namespace {

void check_yaml(const YamlNode& step) {
  std::string printed;
  try {
    printed = print_yaml(step);
  } catch (const Error& error) {  // keys that YAML does not take
    fuzz::accept(error);
    return;
  }
  Diagnostics none;
  const YamlPtr read = parse_yaml(fuzz::source(printed), none);
  REQUIRE(read != nullptr && same_value(*read, step));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Diagnostics diagnostics;
  for (const YamlPtr& step : parse_oly_lines(fuzz::source(fuzz::text_of(data, size)), diagnostics)) {
    const std::string line = print_oly(*step);
    const YamlPtr again = parse_oly(fuzz::source(line));
    REQUIRE(same_value(*again, *step));
    REQUIRE(print_oly(*again) == line);
    check_yaml(*step);
  }
  fuzz::accept(diagnostics);
  return 0;
}
