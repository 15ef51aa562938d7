// What the rows of the tables say of dtypes, against what they take and make.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/error.h"
#include "brainsurgery/operation.h"
#include "brainsurgery/reducer.h"

namespace brainsurgery {
namespace {

std::optional<DType> made(const Operation& row, std::vector<DType> operands, bool with_table) {
  Parameters parameters{.numbers = {}, .dtype = DType::I64};
  for (std::size_t i = 0; i < kMaxParameters; ++i) {
    if (!row.parameters[i].empty()) parameters.numbers[i] = 1.0;
  }
  if (with_table) {
    parameters.table = std::make_shared<const LookupTable>(LookupTable{DType::I64, std::vector<std::byte>(8)});
  }
  try {
    return row.result(row, operands, parameters);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(Rows, OperationsTakeTheirDomain) {
  using Domain = Operation::Domain;
  for (const Operation& row : operations()) {
    SCOPED_TRACE(std::string(row.name));
    const auto of = [&](DType first, DType others) {
      std::vector<DType> operands(row.operands, others);
      operands.front() = first;
      return made(row, operands, row.takes_table);
    };
    const bool numbers = row.domain == Domain::numbers;
    const std::optional<DType> integers = of(DType::I64, DType::I64);
    EXPECT_EQ(integers.has_value(), numbers || row.domain == Domain::integers);
    EXPECT_TRUE(!integers || !is_floating(*integers));
    EXPECT_EQ(of(DType::F32, DType::F32).has_value(), numbers || row.domain == Domain::floats);
    EXPECT_EQ(row.operands > 1 && of(DType::BOOL, DType::F32), row.domain == Domain::choice);
    EXPECT_TRUE(row.domain != Domain::conditions || of(DType::BOOL, DType::BOOL));
    EXPECT_TRUE(!row.takes_table || !made(row, {DType::I64}, false));
  }
}

TEST(Rows, ReducersMakeWhatTheySay) {
  using Makes = Reducer::Makes;
  // Numbers that every reducer takes which has as many.
  const ReducerParameters parameters{{1.0, 2.0, 3.0}};
  for (const Reducer& row : reducers()) {
    SCOPED_TRACE(std::string(row.name));
    const auto of = [&](DType dtype) -> std::optional<DType> {
      const std::vector<DType> operands(row.operands, dtype);
      try {
        return row.result(row, {operands, parameters, dtype, 1});
      } catch (const Error&) {
        return std::nullopt;
      }
    };
    const std::optional<DType> floats = of(DType::BF16), integers = of(DType::I64), conditions = of(DType::BOOL);
    switch (row.makes) {
      case Makes::numbers:
        EXPECT_EQ(floats, DType::BF16);
        EXPECT_EQ(integers, DType::I64);
        EXPECT_TRUE(conditions && !is_floating(*conditions));
        break;
      case Makes::floats:
        EXPECT_EQ(floats, DType::BF16);
        EXPECT_FALSE(integers || conditions);
        break;
      case Makes::counts:
        EXPECT_EQ(conditions, DType::I64);
        EXPECT_EQ(floats.value_or(DType::I64), DType::I64);
        EXPECT_EQ(integers, floats);
        break;
      case Makes::truth:
        EXPECT_EQ(conditions, DType::BOOL);
        EXPECT_EQ(floats, DType::BOOL);
        EXPECT_EQ(integers, DType::BOOL);
        break;
    }
  }
}

}  // namespace
}  // namespace brainsurgery
