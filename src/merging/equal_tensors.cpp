#include "merging/equal_tensors.h"

#include <cstring>

#include "brainsurgery/error.h"

namespace brainsurgery::merging {
namespace {

DType of_first(const Operation&, std::span<const DType> operands, const Parameters&) { return operands.front(); }

void pass_equal(const Operation::Call& call) {
  const auto bytes = static_cast<std::size_t>(call.n * item_size(call.dtype));
  if (std::memcmp(call.operands[0], call.operands[1], bytes) != 0) {
    throw Error(ErrorCode::run, "merge: tensors that are not floats must be equal in all models, and one is not", {},
                {"'except' leaves such a tensor out; copy takes it from one model"});
  }
  if (call.out != call.operands[0]) std::memcpy(call.out, call.operands[0], bytes);
}

constexpr Operation kRequireEqual{.name = "require_equal",
                                  .meaning = "a, which must equal b",
                                  .operands = 2,
                                  .parameters = {},
                                  .result = of_first,
                                  .run = pass_equal};

}  // namespace

Expr required_equal(Expr a, Expr b) { return map(kRequireEqual, {std::move(a), std::move(b)}); }

}  // namespace brainsurgery::merging
