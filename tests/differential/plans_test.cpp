// Random plans as text on generated checkpoints, run by Session in several configurations: the same bytes, or the same
// error.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "brainsurgery/session.h"
#include "differential/configurations.h"
#include "differential/sources.h"
#include "formats/safetensors.h"

namespace brainsurgery::testing {
namespace {

// Keeps what steps print.
struct Printer final : EventSink {
  void on(const Event& event) override {
    if (const auto* printed = std::get_if<events::Printed>(&event)) text += printed->text;
  }
  std::string text;
};

// A plan's text, step by step, and what names there probably are.
class PlanWriter {
 public:
  explicit PlanWriter(Engine& engine) : engine_(engine) {}

  std::string write(const std::string& input_a, const std::string& input_b, const std::string& output) {
    std::string text = fmt::format("inputs: ['a::{}', 'b::{}']\ntransforms:\n", input_a, input_b);
    const std::int64_t steps = 1 + draw(engine_, 8);
    for (std::int64_t i = 0; i < steps; ++i) {
      text += "  - " + step() + "\n";
      if (draw(engine_, 4) == 0) text += "  - assert: " + condition(2) + "\n";
      if (draw(engine_, 4) == 0) text += "  - diff: " + comparison() + "\n";
    }
    // Shards of a tensor or two, or one file.
    return text +
           fmt::format("output: {{path: '{}', shard: {}, model: a}}\n", output, chance(engine_, 0.5) ? "150b" : "none");
  }

 private:
  std::string name() { return names_[draw(engine_, std::ssize(names_))]; }
  std::string created() {
    names_.push_back(fmt::format("a::n{}", names_.size()));
    return names_.back();
  }
  std::string part() {
    return std::array{
        "", "", "::[0]", "::[1:]", "::[::2]", "::[..., 1]", "::[:, 1:3]", "::[-1, ::3]", "::[2:1]"}[draw(engine_, 9)];
  }
  std::string dtype() {
    return std::array{"float32", "float16", "bfloat16", "float64", "int32", "int64", "uint8", "bool"}[draw(engine_, 8)];
  }
  std::string shape() {
    return std::array{"[-1]", "[6, 4]", "[2, 3, 4]", "[4, 6]", "[24, 1]", "[-1, 2]"}[draw(engine_, 6)];
  }

  // One that may hold, or not, of values that may be written or be on their way to it.
  std::string condition(int depth) {
    switch (draw(engine_, depth > 0 ? 6 : 3)) {
      case 0:
        return fmt::format("{{iszero: {{of: '{}', eps: {}}}}}", name(), draw(engine_, 2) == 0 ? 1e30 : 1);
      case 1:
        return fmt::format("{{equal: {{left: '{}', right: '{}', eps: 1e30}}}}", name(), name());
      case 2: {
        const std::string same = name();
        return fmt::format("{{equal: {{left: '{}', right: '{}'}}}}", same, same);
      }
      case 3:
        return fmt::format("{{any: [{}, {}]}}", condition(depth - 1), condition(depth - 1));
      case 4:
        return fmt::format("{{all: [{}, {}]}}", condition(depth - 1), condition(depth - 1));
      default:
        return fmt::format("{{not: {}}}", condition(depth - 1));
    }
  }

  // Of values that may be written, read along with them, or neither.
  std::string comparison() {
    const std::string eps = std::array{"", ", eps: 0", ", eps: 1"}[draw(engine_, 3)];
    const std::string fail = draw(engine_, 8) == 0 ? ", fail: true" : "";
    if (draw(engine_, 2) == 0) return fmt::format("{{left: 'a::.*', right: 'b::.*'{}{}}}", eps, fail);
    return fmt::format("{{mode: pair, left: '{}', right: '{}'{}{}}}", name(), name(), eps, fail);
  }

  std::string step() {
    switch (draw(engine_, 23)) {
      case 0:
        return fmt::format("copy: {{from: '{}{}', to: '{}'}}", name(), part(), created());
      case 1:
        return fmt::format("move: {{from: '{}', to: '{}'}}", name(), created());
      case 2:
        return fmt::format("assign: {{from: '{}{}', to: '{}{}'}}", name(), part(), name(), part());
      case 3:
        return fmt::format("add: {{from_a: '{}', from_b: '{}', to: '{}'}}", name(), name(), name());
      case 4:
        return fmt::format("add_: {{from: '{}{}', to: '{}{}'}}", name(), part(), name(), part());
      case 19:
        return fmt::format("multiply_: {{from: '{}{}', to: '{}', broadcast: true, in: {}}}", name(), part(), name(), dtype());
      case 20:
        return fmt::format("divide_: {{from: '{}', to: '{}', in: {}}}", name(), name(),
                           chance(engine_, 0.5) ? "float32" : "bfloat16");
      case 21:
        return fmt::format("{}: {{target: '{}'}}",
                           std::array{"negate_", "round_", "reciprocal_", "sqrt_"}[draw(engine_, 4)], name());
      case 5:
        return fmt::format("subtract_: {{from: 'b::w(.*)', to: 'a::w\\1'}}");
      case 6:
        return fmt::format("scale: {{from: '{}{}', to: '{}', by: {}}}", name(), part(), created(),
                           draw(engine_, 5) - 2);
      case 7:
        return fmt::format("scale_: {{target: '{}{}', by: {}}}", name(), part(), draw(engine_, 5));
      case 8:
        return fmt::format("scale_: {{target: 'a::.*{}', by: 0.75}}", part());
      case 9:
        return fmt::format("cast_: {{target: '{}', to: {}}}", name(), dtype());
      case 10:
        return fmt::format("cast: {{from: '{}', to: '{}', dtype: {}}}", name(), created(), dtype());
      case 11:
        return fmt::format("clamp_: {{target: '{}{}', min: -1, max: {}}}", name(), part(), draw(engine_, 4));
      case 12:
        return fmt::format("reshape: {{from: '{}', to: '{}', shape: {}}}", name(), created(), shape());
      case 13:
        return fmt::format("permute: {{from: '{}', to: '{}', order: {}}}", name(), created(),
                           chance(engine_, 0.5) ? "[1, 0]" : "[2, 0, 1]");
      case 14:
        return fmt::format("concat: {{from: ['{}', '{}'], to: '{}', dim: {}}}", name(), name(), created(),
                           draw(engine_, 2));
      case 15:
        return fmt::format("matmul: {{from_a: 'a::m', from_b: '{}', to: '{}'}}", name(), created());
      case 16:
        return fmt::format("fill_: {{target: '{}{}', mode: constant, value: {}}}", name(), part(), draw(engine_, 9));
      case 17:
        return fmt::format("phlora_: {{target: '{}', rank: {}}}", name(), 1 + draw(engine_, 4));
      case 18: {
        const std::string from = name(), left = created(), right = created();
        return fmt::format("phlora: {{target: '{}', target_a: '{}', target_b: '{}', rank: 2, delete_original: {}}}",
                           from, left, right, chance(engine_, 0.5));
      }
      default:
        return fmt::format("rand: {{target: '{}', shape: {}, seed: {}}}", created(),
                           chance(engine_, 0.5) ? "[4, 6]" : "[24]", draw(engine_, 99));
    }
  }

  Engine& engine_;
  std::vector<std::string> names_{"a::w0", "a::w1", "a::m", "a::t", "a::i", "b::w0", "b::w1", "b::t"};
};

// Tensors of mostly 24 elements, so that steps often fit together.
std::string checkpoint(Engine& engine) {
  const std::vector<StoredTensor> descs{{"w0", {DType::F32, {4, 6}}}, {"w1", {DType::BF16, {6, 4}}},
                                        {"m", {DType::F32, {4, 4}}},  {"t", {DType::F16, {2, 3, 4}}},
                                        {"i", {DType::I32, {24}}},    {"e", {DType::U8, {0, 3}}}};
  const SafetensorsLayout layout = layout_safetensors(descs, {});
  std::string content = layout.header;
  content.resize(static_cast<std::size_t>(layout.file_size));
  for (std::size_t i = 0; i < descs.size(); ++i) {
    const std::vector<std::byte> bytes =
        Sources::numbers(engine, descs[i].desc.dtype, element_count(descs[i].desc.shape));
    content.replace(static_cast<std::size_t>(layout.offsets[i]), bytes.size(),
                    reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return content;
}

// What a decomposition may say of the values of a random plan. Of which of several matrices it is said is open.
constexpr const char* kNotFinite = "the matrix has values that are not finite";

std::string failure_text(const Error& error) { return error.code() == ErrorCode::run ? kNotFinite : to_string(error); }

// Names and bytes of all files of a directory.
std::string content_of(const std::string& directory) {
  std::string all;
  for (const std::string& name : posix_env().list(directory)) all += name + ":" + read_file(directory + "/" + name);
  return all;
}

TEST(Plans, AllConfigurationsGiveTheSameBytes) {
  ::setenv("BRAINSURGERY_DENSE", BS_DENSE_MODULE, 1);
  const TempDir folder;
  const std::vector<Configuration> configurations{{1, 512 << 10, true, false},
                                                  {2, 1, true, true},
                                                  {3, 64, false, false},
                                                  {1, 4096, false, true},
                                                  {8, 4096, true, false}};
  const std::int64_t first = setting("BS_SEED", 1);
  const std::int64_t plans = setting("BS_GRAPHS", 3000) / 3;
  int written = 0, refused = 0;
  for (std::int64_t seed = first; seed < first + plans; ++seed) {
    Engine engine(static_cast<std::uint64_t>(seed));
    write_file(folder / "a.safetensors", checkpoint(engine));
    write_file(folder / "b.safetensors", checkpoint(engine));
    const std::string output = folder / "out";
    const std::string text = PlanWriter(engine).write(folder / "a.safetensors", folder / "b.safetensors", output);
    const auto plan = std::make_shared<SourceText>(SourceText{"plan.yaml", text});
    std::vector<std::string> results;
    for (const Configuration& configuration : configurations) {
      SessionOptions options;
      options.threads = configuration.threads;
      options.tile_bytes = configuration.tile_bytes;
      options.fuse = configuration.fuse;
      options.memory_bytes = configuration.spill ? 1 : 1 << 30;
      options.spill_directory = folder / "spill";
      options.sync = false;
      Printer printer;
      const Outcome<RunReport> outcome = Session(posix_env(), printer, options).run(plan);
      if (!outcome.ok()) {
        const ErrorCode code = outcome.error().code();
        if (code == ErrorCode::run) {
          ASSERT_THAT(to_string(outcome.error()), ::testing::HasSubstr(kNotFinite)) << "seed " << seed << "\n" << text;
        } else {
          ASSERT_TRUE(code == ErrorCode::plan || code == ErrorCode::assertion)
              << to_string(outcome.error()) << "seed " << seed << "\n"
              << text;
        }
        if (code == ErrorCode::assertion && results.empty()) ++refused;
      }
      results.push_back(outcome.ok() ? content_of(output) : failure_text(outcome.error()));
      // What comes before a value that is not finite depends on when it is met.
      if (results.back() != kNotFinite) results.back() += printer.text;
      if (outcome.ok() && results.size() == 1) ++written;
      if (outcome.ok()) {
        ASSERT_EQ(outcome.value().outputs.front().moved, outcome.value().outputs.front().planned) << text;
      }
      ASSERT_TRUE(results.back() == results.front()) << configuration.text() << ", seed " << seed << "\n" << text;
    }
  }
  EXPECT_GT(written, plans / 10) << "too few of the random plans are valid";
  EXPECT_GT(refused, plans / 40) << "too few of the assertions fail";
}

}  // namespace
}  // namespace brainsurgery::testing
