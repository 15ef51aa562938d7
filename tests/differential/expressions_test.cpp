// Random expressions, in many configurations, against the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "brainsurgery/error.h"
#include "differential/configurations.h"
#include "differential/random_expr.h"
#include "oracle/reference.h"
#include "planner/schedule.h"

namespace brainsurgery::testing {
namespace {

class Expressions : public ::testing::Test {
 protected:
  // Evaluates in `wanted` configurations of all, the plain one among them.
  void expect_all_agree(const Expr& expr, Engine& engine, std::int64_t wanted) {
    const std::vector<std::byte> expected = evaluate_reference(expr);
    std::vector<std::byte> first;
    for (std::int64_t i = 0; i < wanted; ++i) {
      const auto pick = i == 0                                  ? std::ssize(configurations_) - 1
                        : wanted == std::ssize(configurations_) ? i - 1
                                                                : draw(engine, std::ssize(configurations_));
      const Configuration& configuration = configurations_[pick];
      std::vector<std::byte> got;
      try {
        got = evaluator_.executor(configuration).evaluate(expr);
      } catch (const Error& error) {
        FAIL() << to_string(error) << "\n" << configuration.text() << "\n" << to_string(expr);
      }
      if (i == 0) {
        ASSERT_TRUE(same_elements(expr.dtype(), got, expected)) << configuration.text() << "\n" << to_string(expr);
        first = std::move(got);
      } else {
        ASSERT_TRUE(got == first) << configuration.text() << "\n" << to_string(expr);
      }
    }
  }

  void campaign(std::int64_t graphs, const GraphSize& size, std::int64_t configurations) {
    const std::int64_t first = setting("BS_SEED", 1);
    for (std::int64_t seed = first; seed < first + graphs; ++seed) {
      Engine engine(static_cast<std::uint64_t>(seed));
      const Expr expr = RandomGraph(engine, sources_, size).build();
      expect_all_agree(expr, engine, configurations);
      if (HasFatalFailure()) FAIL() << "seed " << seed;
    }
  }

  Sources sources_{1};
  Evaluator evaluator_;
  std::vector<Configuration> configurations_ = all_configurations();
};

TEST_F(Expressions, SmallGraphs) { campaign(setting("BS_GRAPHS", 3000), {}, 6); }

TEST_F(Expressions, GraphsOfManyOperations) { campaign(setting("BS_GRAPHS", 3000) / 20, {60, 5, 600}, 6); }

TEST_F(Expressions, SmallGraphsInAllConfigurations) {
  campaign(setting("BS_GRAPHS", 3000) / 30, {}, std::ssize(configurations_));
}

// Of up to hundreds of tiles of 4096 bytes, and a few of the usual size. Tiles of one element would take minutes.
TEST_F(Expressions, LargeGraphs) {
  std::erase_if(configurations_, [](const Configuration& configuration) { return configuration.tile_bytes == 1; });
  campaign(setting("BS_GRAPHS", 3000) / 60, {8, 60, 200'000}, 4);
}

// Several tensors of one graph in one file: what they share is made once and dropped after its last use.
TEST_F(Expressions, Files) {
  const TempDir folder;
  const std::int64_t first = setting("BS_SEED", 1);
  for (std::int64_t seed = first; seed < first + setting("BS_GRAPHS", 3000) / 6; ++seed) {
    Engine engine(static_cast<std::uint64_t>(seed));
    RandomGraph graph(engine, sources_, {30, 6, 800});
    std::vector<Expr> tensors{graph.build()};
    while (tensors.size() < 6) tensors.push_back(graph.nodes()[draw(engine, std::ssize(graph.nodes()))]);
    std::vector<std::byte> expected;
    for (const Expr& tensor : tensors) {
      const std::vector<std::byte> bytes = evaluator_.executor(configurations_.back()).evaluate(tensor);
      ASSERT_TRUE(same_elements(tensor.dtype(), bytes, evaluate_reference(tensor))) << "seed " << seed << "\n"
                                                                                    << to_string(tensor);
      expected.insert(expected.end(), bytes.begin(), bytes.end());
    }
    for (int i = 0; i < 4; ++i) {
      const Configuration& configuration = configurations_[draw(engine, std::ssize(configurations_))];
      PhysicalPlan plan({configuration.fuse});
      for (const Expr& tensor : tensors) plan.add_tensor(tensor);
      const std::string path = folder / (std::to_string(seed) + "." + std::to_string(i));
      const auto file = posix_env().create(path);
      std::int64_t told = 0;
      Executor executor = evaluator_.executor(configuration, [&told](std::int64_t bytes) { told += bytes; });
      executor.write(plan, *file);
      file->close();
      const std::string written = read_file(path);
      posix_env().remove(path);
      ASSERT_TRUE(std::ranges::equal(std::as_bytes(std::span(written)), expected))
          << configuration.text() << ", seed " << seed;
      ASSERT_EQ(told, plan.size() + effort_bytes(plan.materializations()));
      ASSERT_EQ(plan.bytes_copied() + plan.bytes_computed(), plan.size());
    }
  }
}

}  // namespace
}  // namespace brainsurgery::testing
