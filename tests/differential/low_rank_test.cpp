// Low-rank factors of computed matrices: the same bytes in all configurations, near the reference's.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "differential/configurations.h"
#include "differential/sources.h"
#include "oracle/reference.h"
#include "support/expressions.h"

namespace brainsurgery::testing {
namespace {

std::vector<double> doubles(const std::vector<std::byte>& bytes) {
  std::vector<double> out(bytes.size() / sizeof(double));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

TEST(LowRank, SameBytesInAllConfigurations) {
  const Sources sources(3);
  Engine engine(3);
  Evaluator evaluator;
  for (int i = 0; i < 12; ++i) {
    const DType dtype = std::array{DType::F64, DType::F32, DType::F16, DType::BF16}[i % 4];
    const Shape shape{1 + draw(engine, 90), 1 + draw(engine, 90)};
    // Finite, whatever stands in the file.
    const auto leaf = [&] { return cast(sources.any(engine, {DType::I8, shape}), dtype); };
    const Expr matrix = add(scale(leaf(), 0.25), leaf());
    const SingularMethod method = i % 3 == 0 ? SingularMethod::krylov : SingularMethod::exact;
    const LowRank factors = low_rank(matrix, 1 + draw(engine, 20), method);
    for (const Expr& wanted :
         {matmul(factors.left, factors.right), cast(factors.right, dtype), cast(factors.left, dtype)}) {
      std::vector<std::byte> first;
      for (const Configuration& configuration :
           {Configuration{1, 512 << 10, true, false}, Configuration{2, 64, true, true},
            Configuration{3, 4096, false, false}, Configuration{2, 4096, false, true}}) {
        std::vector<std::byte> got = evaluator.executor(configuration).evaluate(wanted);
        if (first.empty()) first = got;
        ASSERT_EQ(got, first) << configuration.text() << "\n" << to_string(wanted);
      }
    }
    const std::vector<double> product =
        doubles(evaluator.executor({1, 4096, true, false}).evaluate(matmul(factors.left, factors.right)));
    const std::vector<double> expected = doubles(evaluate_reference(matmul(factors.left, factors.right)));
    for (std::size_t at = 0; at < product.size(); ++at)
      ASSERT_NEAR(product[at], expected[at], 1e-9) << to_string(matrix);
  }
}

}  // namespace
}  // namespace brainsurgery::testing
