// Writing plans to files, progress, and inputs that are not what they were.
#include "exec/executor.h"
#include "graph/conditions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <functional>
#include <numeric>

#include "brainsurgery/error.h"
#include "planner/compiler.h"
#include "support/expressions.h"
#include "support/temp_dir.h"
#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

class ExecutorTest : public ::testing::Test {
 protected:
  std::shared_ptr<const ReadableFile> input(const std::string& content, const std::string& name = "in") {
    testing::write_file(folder_ / name, content);
    return posix_env().open(folder_ / name);
  }
  static std::string counting(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
    return bytes;
  }
  static std::string text_of(const std::vector<std::byte>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::string written(const PhysicalPlan& plan, ExecOptions options, Executor::Progress progress = nullptr) {
    ThreadPool pool(2);
    options.spill_directory = folder_ / "spill";
    const std::string path = folder_ / ("out" + std::to_string(outputs_++));
    const auto file = posix_env().create(path);
    Executor(pool, options, std::move(progress)).write(plan, *file);
    file->close();
    return testing::read_file(path);
  }
  std::vector<std::byte> evaluate(const Expr& expr) {
    ThreadPool pool(1);
    return Executor(pool, {.spill_directory = folder_ / "spill", .fuse = true}, nullptr).evaluate(expr);
  }
  void expect_run_error(const std::function<void()>& work, const std::string& message) {
    try {
      work();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::run);
      EXPECT_EQ(std::string(error.what()), message);
    }
  }

  testing::TempDir folder_;
  int outputs_ = 0;
};

Region whole_but_last(std::int64_t rows, std::int64_t columns) {
  return {{{0, rows, 1, false}, {0, columns - 1, 1, false}}};
}

// A file system that shares blocks, as far as a program can see: whole ones, or up to the end of both files.
class SharingFile final : public WritableFile {
 public:
  explicit SharingFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}
  const std::string& path() const override { return file_->path(); }
  void resize(std::int64_t size) override {
    size_ = size;
    file_->resize(size);
  }
  void reserve(std::int64_t offset, std::int64_t size) override {
    reserved_ += size;
    file_->reserve(offset, size);
  }
  bool share(std::int64_t offset, const ReadableFile& from, std::int64_t from_offset, std::int64_t size) override {
    const bool at_the_end = offset + size == size_ && from_offset + size == from.status().size;
    EXPECT_EQ(offset % kSharedBlockBytes, 0);
    EXPECT_EQ(from_offset % kSharedBlockBytes, 0);
    EXPECT_TRUE(size % kSharedBlockBytes == 0 || at_the_end);
    if (refuses) return false;
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    from.read(from_offset, bytes);
    file_->write(offset, bytes);
    return true;
  }
  void write(std::int64_t offset, std::span<const std::byte> bytes) override {
    written_ += std::ssize(bytes);
    file_->write(offset, bytes);
  }
  void set_mode(std::uint32_t mode) override { file_->set_mode(mode); }
  void start_writeback(std::int64_t offset, std::int64_t size) override { file_->start_writeback(offset, size); }
  void sync() override { file_->sync(); }
  void close() override { file_->close(); }
  [[nodiscard]] std::int64_t reserved() const { return reserved_; }
  [[nodiscard]] std::int64_t written() const { return written_; }

  bool refuses = false;

 private:
  std::unique_ptr<WritableFile> file_;
  std::int64_t size_ = 0, reserved_ = 0;
  std::atomic<std::int64_t> written_ = 0;
};

// A file that is read in the ways that decoding files can be.
class UnmappedFile final : public ReadableFile {
 public:
  UnmappedFile(std::shared_ptr<const ReadableFile> file, FileAccess access) : file_(std::move(file)), access_(access) {}
  const std::string& path() const override { return file_->path(); }
  const FileStatus& status() const override { return file_->status(); }
  FileStatus current_status() const override { return file_->current_status(); }
  void read(std::int64_t offset, std::span<std::byte> into) const override { file_->read(offset, into); }
  std::shared_ptr<const FileMap> map() const override { throw Error(ErrorCode::internal, "mapped"); }
  FileAccess access() const override { return access_; }
  bool decodes() const override { return true; }

 private:
  std::shared_ptr<const ReadableFile> file_;
  FileAccess access_;
};

// Steps that read elements at random, of tensors in `file`.
std::vector<Expr> random_reads(const std::shared_ptr<const ReadableFile>& file) {
  const auto at = [&](std::int64_t offset, Shape shape, std::vector<std::int64_t> strides = {}) {
    return source(file, offset, {DType::F32, std::move(shape)}, std::move(strides));
  };
  const Expr matrix = at(4, {300, 200});
  return {permute(matrix, {1, 0}),
          scale(permute(matrix, {1, 0}), 2),
          permute(at(0, {30, 20, 50}), {2, 0, 1}),
          slice(matrix, Region{{{0, 300, 1, false}, {7, 1, 1, true}}}),
          slice(matrix, Region{{{1, 100, 3, false}, {0, 50, 4, false}}}),
          concat({permute(matrix, {1, 0}), at(8, {200, 11})}, 1),
          overwrite(permute(matrix, {1, 0}), Region{{{5, 20, 1, false}, {0, 30, 10, false}}},
                    permute(at(0, {30, 20}), {1, 0})),
          at(0, {200, 100}, {1, 200}),
          at(8, {50, 20, 7}, {1, 0, 60}),
          reshape(permute(matrix, {1, 0}), {100, 600}),
          permute(reshape(permute(matrix, {1, 0}), {100, 600}), {1, 0})};
}

TEST_F(ExecutorTest, WhatIsNotMappedGivesTheSameBytes) {
  const auto plain = input(counting(400'000));
  const auto write_all = [&](const std::shared_ptr<const ReadableFile>& file, ExecOptions options) {
    PhysicalPlan plan({});
    for (const Expr& expr : random_reads(file)) plan.add_tensor(expr);
    return written(plan, std::move(options));
  };
  const std::string expected = write_all(plain, {});
  for (const FileAccess access : {FileAccess::ranges, FileAccess::sequential}) {
    const auto file = std::make_shared<const UnmappedFile>(plain, access);
    for (const std::int64_t budget : {std::int64_t{0}, std::int64_t{100'000}, std::int64_t{1} << 30}) {
      for (const std::int64_t tile : {std::int64_t{4}, std::int64_t{1000}, std::int64_t{1} << 20})
        EXPECT_EQ(write_all(file, {.tile_bytes = tile, .budget_bytes = budget}), expected) << budget << " " << tile;
    }
  }
}

TEST_F(ExecutorTest, DecodedBytesCountAsComputed) {
  PhysicalPlan plan({});
  plan.add_tensor(
      source(std::make_shared<const UnmappedFile>(input(counting(64)), FileAccess::ranges), 0, {DType::F32, {16}}));
  EXPECT_EQ(plan.bytes_copied(), 0);
  EXPECT_EQ(plan.bytes_computed(), 64);
  EXPECT_EQ(written(plan, {}), counting(64));
}

TEST(Scratch, GivesBlocksOfEverySizeAgain) {
  Scratch scratch;
  std::byte *large = nullptr, *small = nullptr;
  for (int tile = 0; tile < 3; ++tile) {
    const auto first = scratch.take(1 << 20), second = scratch.take(1 << 10);
    if (tile > 0) {
      EXPECT_EQ(first->data(), large);
      EXPECT_EQ(second->data(), small);
    }
    large = first->data();
    small = second->data();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large) % 64, 0U);
  }
}

TEST_F(ExecutorTest, SharesWholeBlocks) {
  constexpr std::int64_t kSize = 1'000'003;
  const std::string content = counting(kSize);
  const auto file = input(content);
  PhysicalPlan plan({});
  plan.add_bytes(content.substr(0, 500));
  plan.add_tensor(source(file, 500, {DType::U8, {400'000}}));
  plan.add_tensor(scale(source(file, 400'500, {DType::U8, {12'288}}), 1));  // as long as three blocks
  plan.add_tensor(source(file, 412'788, {DType::U8, {1}}));
  plan.add_tensor(source(file, 300'000, {DType::U8, {100'000}}));  // its place in a block is another
  plan.add_tensor(source(file, 512'789 - 4096, {DType::U8, {kSize - 512'789 + 4096}}));
  std::string expected = content.substr(0, 412'789) + content.substr(300'000, 100'000) + content.substr(512'789 - 4096);
  for (const bool refuses : {false, true}) {
    ThreadPool pool(2);
    const std::string path = folder_ / (refuses ? "copied" : "shared");
    SharingFile out(posix_env().create(path));
    out.refuses = refuses;
    std::int64_t progress = 0;
    Executor executor(pool, {.tile_bytes = 4096}, [&](std::int64_t bytes) { progress += bytes; });
    executor.write(plan, out);
    const std::int64_t shared = executor.moved().shared;
    EXPECT_EQ(testing::read_file(path), expected);
    EXPECT_EQ(progress, plan.size() + effort_bytes(plan.materializations()));
    // Blocks 1 to 96 of the first tensor, and from block 126, in the last, to the end.
    const std::int64_t whole_blocks = 96 * 4096 + plan.size() - 126 * 4096;
    EXPECT_EQ(shareable_bytes(plan), whole_blocks);
    EXPECT_EQ(shared, refuses ? 0 : whole_blocks);
    EXPECT_EQ(out.reserved(), plan.size() - shared);
    EXPECT_EQ(out.written(), plan.size() - shared);
  }
}

TEST_F(ExecutorTest, SharesNothingWithFilesWithoutADescriptor) {
  PhysicalPlan plan({});
  plan.add_tensor(source(testing::file_of(counting(400'000)), 0, {DType::U8, {400'000}}));
  EXPECT_EQ(plan.bytes_copied(), 400'000);
  EXPECT_EQ(shareable_bytes(plan), 0);
}

TEST_F(ExecutorTest, WritesEverySegmentAtItsPlace) {
  const std::string content = counting(5000);
  const auto file = input(content);
  const Expr a = source(file, 100, {DType::U8, {1000}});
  const Expr matrix = source(file, 2000, {DType::U8, {20, 30}});
  for (const std::int64_t tile_bytes : {1, 7, 4096}) {
    for (const bool fuse : {true, false}) {
      PhysicalPlan plan({fuse});
      plan.add_bytes("header");
      plan.add_tensor(a);
      plan.add_tensor(permute(matrix, {1, 0}));
      plan.add_tensor(scale(scale(a, 2), 3));
      std::string expected = "header" + content.substr(100, 1000);
      for (int i = 0; i < 600; ++i) expected += content[static_cast<std::size_t>(2000 + i % 20 * 30 + i / 20)];
      for (int i = 0; i < 1000; ++i) expected += static_cast<char>(content[static_cast<std::size_t>(100 + i)] * 6);
      EXPECT_EQ(written(plan, {.tile_bytes = tile_bytes, .budget_bytes = 1, .fuse = fuse}), expected);
    }
  }
}

TEST_F(ExecutorTest, ProgressAddsUpToTheFile) {
  const auto file = input(counting(5000));
  const Expr a = source(file, 100, {DType::U8, {1000}});
  for (const std::int64_t tile_bytes : {1, 7, 300, 4096}) {
    PhysicalPlan plan({});
    plan.add_bytes("header");
    plan.add_tensor(a);
    plan.add_tensor(scale(a, 2));
    plan.add_tensor(permute(random({DType::F32, {7, 11}}, nodes::Random::Distribution::uniform, 0, 1, 1), {1, 0}));
    std::int64_t done = 0;
    static_cast<void>(written(plan, {.tile_bytes = tile_bytes}, [&](std::int64_t bytes) {
      EXPECT_GE(bytes, 0);
      done += bytes;
    }));
    EXPECT_EQ(done, plan.size()) << tile_bytes;
  }
}

TEST_F(ExecutorTest, AnEmptyPlanMakesAnEmptyFile) {
  PhysicalPlan plan({});
  plan.add_tensor(source(input("x"), 0, {DType::F32, {0, 3}}));
  EXPECT_EQ(written(plan, {}), "");
}

TEST_F(ExecutorTest, StridedReadingOfTensorsAtOddOffsets) {
  const std::string content = counting(1000);
  const auto file = input(content);
  for (const std::int64_t offset : {0, 1, 2, 3, 5, 7}) {
    const Expr base = source(file, offset, {DType::F64, {10, 11}});
    std::string expected;
    for (std::size_t i = 0; i < 110; ++i)
      expected += content.substr(static_cast<std::size_t>(offset) + 8 * (i % 10 * 11 + i / 10), 8);
    EXPECT_EQ(text_of(evaluate(permute(base, {1, 0}))), expected) << offset;
  }
}

TEST_F(ExecutorTest, ASourceThatItsFileDoesNotHoldIsAnError) {
  const auto file = input(counting(100));
  const std::string path = folder_ / "in";
  expect_run_error(
      [&] {
        static_cast<void>(evaluate(source(file, 40, {DType::U8, {10, 10}})));
      },
      "cannot read '" + path + "': it is shorter than 140 bytes (truncated?)");
  for (const std::int64_t offset : {40, 99, 100, 5000}) {
    const Expr base = source(file, offset, {DType::U8, {100, 100}});
    expect_run_error([&] { static_cast<void>(evaluate(slice(base, whole_but_last(100, 100)))); },
                     "cannot read '" + path + "': it is shorter than " + std::to_string(offset + 99 * 100 + 99) +
                         " bytes (truncated?)");
  }
}

TEST_F(ExecutorTest, AFileThatShrinksAfterItWasOpenedIsAnError) {
  const auto file = input(counting(200'000));
  const Expr base = source(file, 0, {DType::U8, {400, 500}});
  ASSERT_EQ(evaluate(slice(base, whole_but_last(400, 500))).size(), 400U * 499U);
  std::filesystem::resize_file(folder_ / "in", 5000);
  expect_run_error([&] { static_cast<void>(evaluate(slice(base, whole_but_last(400, 500)))); },
                   "'" + (folder_ / "in") + "' became shorter or unreadable while it was read");
  PhysicalPlan copied({}), gathered({});
  copied.add_tensor(base);
  gathered.add_tensor(permute(base, {1, 0}));
  expect_run_error([&] { static_cast<void>(written(gathered, {})); },
                   "'" + (folder_ / "in") + "' became shorter or unreadable while it was read");
  EXPECT_THROW(static_cast<void>(written(copied, {})), Error);
}

// Truncated while a mapping of it is in use: by the first progress message.
TEST_F(ExecutorTest, AFileThatShrinksWhileItIsMappedIsAnError) {
  const auto file = input(counting(2'000'000));
  const Expr base = source(file, 0, {DType::U8, {2000, 1000}});
  PhysicalPlan plan({});
  plan.add_tensor(permute(base, {1, 0}));
  ThreadPool pool(1);
  const auto out = posix_env().create(folder_ / "out");
  Executor executor(pool, {.tile_bytes = 1000},
                    [&](std::int64_t) { std::filesystem::resize_file(folder_ / "in", 4096); });
  expect_run_error([&] { executor.write(plan, *out); },
                   "'" + (folder_ / "in") + "' became shorter or unreadable while it was read");
}

TEST_F(ExecutorTest, SmallestTypesAreJoinedAsBytes) {
  const auto file = input("abcdefgh");
  const Expr a = source(file, 1, {DType::F4, {2, 2}}), b = source(file, 4, {DType::F4, {1, 2}});
  EXPECT_EQ(text_of(evaluate(concat({a, reshape(b, {1, 2}), a}, 0))), "bcebc");
}

TEST_F(ExecutorTest, ComparisonsStopAtTheFirstDifferenceAndSeeAll) {
  const auto file = input(counting(3000));
  ThreadPool pool(2);
  Executor executor(pool, {.tile_bytes = 64}, nullptr);
  const Expr a = source(file, 0, {DType::U8, {251}}), b = source(file, 251, {DType::U8, {251}}),
             c = source(file, 252, {DType::U8, {251}});
  const auto holds = [&executor](const checks::Measured& condition) { return executor.verdict(condition)->pass; };
  EXPECT_TRUE(holds(equal_values(a, b, {}, "")));
  EXPECT_FALSE(holds(equal_values(a, c, {}, "")));
  EXPECT_FALSE(holds(equal_values(a, c, 1, ""))) << "250 and 0";
  EXPECT_TRUE(holds(equal_values(a, c, 250, "")));
  EXPECT_TRUE(holds(small_values(a, 250, "")));
  EXPECT_FALSE(holds(small_values(a, 249, "")));
  EXPECT_FALSE(holds(small_values(a, std::nullopt, "")));
}

TEST_F(ExecutorTest, ADifferenceIsEnough) {
  const auto file = input(counting(8 << 20));
  const Expr a = source(file, 0, {DType::U8, {4 << 20}}), b = source(file, 1, {DType::U8, {4 << 20}});
  ThreadPool pool(1);
  Executor executor(pool, {}, nullptr);
  EXPECT_FALSE(executor.verdict(equal_values(a, b, {}, ""))->pass);
  EXPECT_LT(executor.moved().read, 1 << 20);
  EXPECT_TRUE(executor.verdict(equal_values(a, a, {}, ""))->pass);
}

// Numbers that every block needs are made once; the operations around them work in place.
TEST_F(ExecutorTest, ConstantsLastForAllBlocks) {
  constexpr std::int64_t kRows = 5, kColumns = 3 * kBlockElements + 17;
  const Shape shape{kRows, kColumns};
  std::string bytes(static_cast<std::size_t>(kRows * kColumns) * sizeof(float), '\0');
  for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
    const auto value = static_cast<float>(i % 1000);
    std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
  }
  const auto number = [&shape](float value) {
    std::vector<std::byte> one(sizeof value);
    std::memcpy(one.data(), &value, sizeof value);
    return broadcast(literal({DType::F32, {}}, std::move(one)), shape);
  };
  const Expr a = source(input(bytes), 0, {DType::F32, shape});
  const Expr of_rows = broadcast(reduce(reducer("min"), {a}, {1}, true), shape);
  const std::vector<std::byte> found = evaluate(add(number(3), add(multiply(number(2), a), of_rows)));
  for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
    float value = 0;
    std::memcpy(&value, found.data() + i * static_cast<std::int64_t>(sizeof value), sizeof value);
    ASSERT_EQ(value, static_cast<float>(2 * (i % 1000) + 3)) << i;
  }
}

TEST_F(ExecutorTest, DrawsDoNotDependOnTiles) {
  const Expr normal = random({DType::F32, {1001}}, nodes::Random::Distribution::normal, 1, 2, 5);
  const std::vector<std::byte> expected = evaluate(normal);
  for (const std::int64_t tile_bytes : {1, 12, 1000}) {
    ThreadPool pool(2);
    EXPECT_EQ(Executor(pool, {.tile_bytes = tile_bytes}, nullptr).evaluate(normal), expected);
  }
}

TEST_F(ExecutorTest, DrawsByCounterAreMadeInTiles) {
  for (const auto distribution : {nodes::Random::Distribution::uniform, nodes::Random::Distribution::normal}) {
    const Expr whole = random({DType::BF16, {33, 77}}, distribution, 1, 2, CounterSeed{5, 6});
    const Expr turned = permute(whole, {1, 0});
    const Expr part = slice(whole, Region{{{1, 16, 2, false}, {3, 70, 1, false}}});
    const Expr mixed = add(scale(whole, 0.5), broadcast(slice(whole, Region{{{4, 1, 1, true}, {0, 77, 1, false}}}), {33, 77}));
    const std::vector<std::byte> values = evaluate(whole);
    const Expr read = literal(whole.desc(), values);
    for (const Expr& expr : {whole, turned, part, mixed}) {
      Compiler compiler({});
      static_cast<void>(compiler.compile(expr));
      EXPECT_TRUE(compiler.materializations().empty()) << to_string(expr);
    }
    EXPECT_EQ(evaluate(turned), evaluate(permute(read, {1, 0})));
    EXPECT_EQ(evaluate(part), evaluate(slice(read, Region{{{1, 16, 2, false}, {3, 70, 1, false}}})));
    const std::vector<std::byte> expected = evaluate(mixed);
    for (const bool fuse : {true, false}) {
      for (const std::int64_t tile_bytes : {1, 12, 1000}) {
        ThreadPool pool(3);
        Executor executor(pool, {.tile_bytes = tile_bytes, .fuse = fuse}, nullptr);
        EXPECT_EQ(executor.evaluate(whole), values);
        EXPECT_EQ(executor.evaluate(mixed), expected);
      }
    }
  }
}

// By the definition of CRC-32, bit by bit.
std::string crc_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFF'FFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc % 2 == 1 ? 0xEDB8'8320 : 0);
  }
  std::string word;
  for (int shift = 0; shift < 32; shift += 8) word.push_back(static_cast<char>(~crc >> shift & 0xFF));
  return word;
}

TEST_F(ExecutorTest, ChecksumsOfTilesAndSegments) {
  const auto file = input(counting(20'000));
  const Expr plain = source(file, 3, {DType::U8, {5000}});
  const Expr turned = permute(source(file, 8, {DType::F32, {30, 40}}), {1, 0});
  for (const std::int64_t tile : {1, 100, 1 << 20}) {
    PhysicalPlan plan({});
    plan.add_checksum(8, 8 + 3 + 5000 + 5000);  // of what comes later: given, copied and computed bytes
    plan.add_checksum(0, 0);
    plan.add_bytes("abc");
    plan.add_tensor(concat({plain, scale(plain, 3)}, 0));
    plan.add_tensor(turned);
    plan.add_checksum(8 + 3 + 10'000, 8 + 3 + 10'000 + 4800);
    const std::string bytes = written(plan, {.tile_bytes = tile});
    ASSERT_EQ(bytes.size(), 8u + 3 + 10'000 + 4800 + 4);
    EXPECT_EQ(bytes.substr(0, 4), crc_of(bytes.substr(8, 10'003)));
    EXPECT_EQ(bytes.substr(4, 4), crc_of(""));
    EXPECT_EQ(bytes.substr(bytes.size() - 4), crc_of(bytes.substr(10'011, 4800)));
  }
}

TEST_F(ExecutorTest, StridedSources) {
  const auto file = input(counting(2000));
  const auto at = [](const std::vector<std::byte>& bytes, std::size_t i) { return std::to_integer<int>(bytes[i]); };
  const std::vector<std::byte> turned = evaluate(source(file, 10, {DType::U8, {3, 4}}, {1, 3}));
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 4; ++c) EXPECT_EQ(at(turned, r * 4 + c), static_cast<int>(10 + r + 3 * c));
  }
  // At an odd place: the elements are gathered out of a copy. Of 16 bytes: as two halves.
  const Expr wide = source(file, 3, {DType::C128, {2, 3}}, {1, 2});
  EXPECT_EQ(text_of(evaluate(reshape(wide, {6}))), [] {
    const std::string all = counting(2000);
    std::string expected;
    for (const std::size_t place : {0, 2, 4, 1, 3, 5}) expected += all.substr(3 + place * 16, 16);
    return expected;
  }());
  PhysicalPlan plan({});
  plan.add_tensor(source(file, 10, {DType::U8, {2, 1, 4}}, {4, 99, 1}));  // packed after all
  EXPECT_EQ(plan.bytes_copied(), 8);
}

}  // namespace
}  // namespace brainsurgery
