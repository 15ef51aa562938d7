#include "plan/yaml_scalars.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace brainsurgery {
namespace {

// Recorded from the Python program's loader (tests/tools/make_yaml_scalar_cases.py).
TEST(YamlScalars, AgreeWithPython) {
  std::ifstream file(BS_TEST_DATA "/unit/plan/data/yaml_scalars.txt");
  ASSERT_TRUE(file);
  std::map<std::string, YamlKind> kinds = {{"null", YamlKind::null},
                                           {"bool", YamlKind::boolean},
                                           {"int", YamlKind::integer},
                                           {"float", YamlKind::floating},
                                           {"str", YamlKind::string}};
  int cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    std::istringstream fields(line);
    std::string text, kind, value;
    std::getline(fields, text, '\t');
    std::getline(fields, kind, '\t');
    std::getline(fields, value, '\t');
    YamlScalar scalar = resolve_scalar(text);
    SCOPED_TRACE(text);
    ASSERT_EQ(scalar.kind, kinds.at(kind));
    if (kind == "bool") {
      EXPECT_EQ(scalar.boolean, value == "True");
    } else if (kind == "int") {
      EXPECT_EQ(scalar.floating, std::stod(value));
      if (scalar.integer) {
        EXPECT_EQ(std::to_string(*scalar.integer), value);
      } else {
        EXPECT_GT(value.size(), 18u) << "fits 64 bits";
      }
    } else if (kind == "float" && value == "nan") {
      EXPECT_TRUE(std::isnan(scalar.floating));
    } else if (kind == "float") {
      EXPECT_EQ(scalar.floating, std::strtod(value.c_str(), nullptr));
    }
  }
  EXPECT_GT(cases, 800);
}

TEST(YamlScalars, IntegersBeyond64BitsKeepTheirSize) {
  EXPECT_EQ(resolve_scalar("9223372036854775807").integer, 9223372036854775807);
  YamlScalar large = resolve_scalar("9223372036854775808");
  EXPECT_EQ(large.kind, YamlKind::integer);
  EXPECT_FALSE(large.integer);
  EXPECT_EQ(large.floating, 9223372036854775808.0);
  EXPECT_EQ(resolve_scalar("-9223372036854775808").integer, std::numeric_limits<std::int64_t>::min());
}

// Where PyYAML itself fails with a traceback we read a text.
TEST(YamlScalars, HalfNumbersAreText) {
  for (const char* text : {"0b", "0b_", "0x", "0x_"}) EXPECT_EQ(resolve_scalar(text).kind, YamlKind::string) << text;
}

}  // namespace
}  // namespace brainsurgery
