// Which tensors still consist of the blocks that they were read from.
#include "session/stored_blocks.h"

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "exec/executor.h"
#include "formats/decoded_file.h"
#include "support/expressions.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

class StoredBlocksTest : public ::testing::Test {
 protected:
  StoredBlocksTest() {
    std::string bytes = "head";
    for (int i = 0; i < 24 * 4 * 34; ++i) bytes.push_back(static_cast<char>(i % 34 == 1 ? 0x3C : 7 * i));
    testing::write_file(folder_ / "f", bytes);
    file_ = posix_env().open(folder_ / "f");
    q_ = source(std::make_shared<const DecodedFile>(file_, 4, 24 * 128, *gguf_type(8), "q"), 0,
                {DType::F32, {4, 6, 128}});
  }
  static std::vector<std::byte> values(const Expr& expr) {
    ThreadPool pool(1);
    return Executor(pool, {}, nullptr).evaluate(expr);
  }
  // The bytes decode to the tensor's values.
  void expect_kept(const Expr& expr) {
    const auto blocks = stored_blocks(expr);
    ASSERT_TRUE(blocks);
    EXPECT_EQ(blocks->type, "Q8_0");
    const std::vector<std::byte> bytes = values(blocks->bytes);
    const std::int64_t elements = element_count(expr.shape());
    ASSERT_EQ(std::ssize(bytes), elements / 32 * 34);
    const std::string path = folder_ / "kept";
    testing::write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const DecodedFile decoded(posix_env().open(path), 0, elements, *gguf_type(8), "q");
    std::vector<std::byte> floats(static_cast<std::size_t>(elements) * 4);
    decoded.read(0, floats);
    EXPECT_EQ(floats, values(expr));
  }
  static Expr part(const Expr& expr, std::vector<Region::Axis> axes) { return slice(expr, Region{std::move(axes)}); }

  testing::TempDir folder_;
  std::shared_ptr<const ReadableFile> file_;
  Expr q_;
};

TEST_F(StoredBlocksTest, MovedAsAWholeTheyAreKept) {
  expect_kept(q_);
  expect_kept(reshape(q_, {24, 128}));
  expect_kept(reshape(q_, {48, 64}));
  expect_kept(permute(q_, {1, 0, 2}));
  expect_kept(permute(permute(permute(q_, {2, 0, 1}), {2, 0, 1}), {0, 2, 1}));
  expect_kept(reshape(permute(reshape(q_, {4, 2, 3, 128}), {0, 2, 1, 3}), {24, 128}));
  expect_kept(part(q_, {{1, 2, 1, false}, {0, 3, 2, false}, {0, 128, 1, false}}));
  expect_kept(part(q_, {{0, 4, 1, false}, {2, 1, 1, true}, {32, 64, 1, false}}));
  expect_kept(concat({q_, part(q_, {{1, 1, 1, false}, {0, 6, 1, false}, {0, 128, 1, false}})}, 0));
  expect_kept(concat({q_, q_}, 2));
  const Region middle{{{1, 1, 1, false}, {0, 6, 1, false}, {32, 32, 1, false}}};
  expect_kept(overwrite(q_, middle, part(q_, {{0, 1, 1, false}, {0, 6, 1, false}, {64, 32, 1, false}})));
}

TEST_F(StoredBlocksTest, TakenApartOrComputedTheyAreNot) {
  EXPECT_FALSE(stored_blocks(permute(q_, {0, 2, 1})));
  EXPECT_FALSE(stored_blocks(reshape(q_, {192, 16})));
  EXPECT_FALSE(stored_blocks(part(q_, {{0, 4, 1, false}, {0, 6, 1, false}, {16, 32, 1, false}})));
  EXPECT_FALSE(stored_blocks(part(q_, {{0, 4, 1, false}, {0, 6, 1, false}, {0, 64, 2, false}})));
  EXPECT_FALSE(stored_blocks(scale(q_, 2)));
  EXPECT_FALSE(stored_blocks(cast(q_, DType::F32)));
  EXPECT_FALSE(stored_blocks(cast(q_, DType::F16)));
  EXPECT_FALSE(stored_blocks(concat({q_, scale(q_, 2)}, 0)));
  EXPECT_FALSE(stored_blocks(source(file_, 4, {DType::F32, {4, 32}})));
  EXPECT_FALSE(stored_blocks(literal({DType::F32, {}}, std::vector<std::byte>(4))));
}

TEST_F(StoredBlocksTest, BlocksOfAnotherTypeDoNotJoin) {
  const auto other = std::make_shared<const DecodedFile>(file_, 4, 6 * 128, *gguf_type(2), "r");
  EXPECT_FALSE(stored_blocks(concat({q_, source(other, 0, {DType::F32, {1, 6, 128}})}, 0)));
}

TEST_F(StoredBlocksTest, ManyJoinsOfOneTensorAreRewrittenOnce) {
  Expr grown = part(q_, {{0, 1, 1, false}, {0, 1, 1, false}, {0, 32, 1, false}});
  for (int i = 0; i < 40; ++i)
    grown = part(concat({grown, grown}, 0), {{0, 1, 1, false}, {0, 1, 1, false}, {0, 32, 1, false}});
  EXPECT_TRUE(stored_blocks(grown));
}

TEST_F(StoredBlocksTest, DecodedTensorsAreCountedUnlessTheyWereCast) {
  DecodedTensors decoded;
  decoded.add(cast(q_, DType::F32));
  decoded.add(scale(cast(q_, DType::BF16), 2));
  decoded.add(literal({DType::F32, {}}, std::vector<std::byte>(4)));
  EXPECT_TRUE(decoded.empty());
  decoded.add(scale(q_, 2));
  decoded.add(permute(q_, {2, 0, 1}));
  EXPECT_EQ(decoded.text(" here"), "decoded 2 quantised tensors here: 2 from Q8_0 to float32");
}

}  // namespace
}  // namespace brainsurgery
