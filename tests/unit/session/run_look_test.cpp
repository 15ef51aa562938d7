// What a run shows of tensors beside their elements, and of steps before they are done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "brainsurgery/session.h"
#include "support/temp_dir.h"

namespace brainsurgery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TempDir;

struct Printed final : EventSink {
  std::string text;
  void on(const Event& event) override {
    if (const auto* printed = std::get_if<events::Printed>(&event)) text += printed->text;
  }
};

std::shared_ptr<const SourceText> text(const std::string& steps) {
  return std::make_shared<SourceText>(SourceText{"steps", steps});
}

class Look : public ::testing::Test {
 protected:
  // 3 by 5 numbers, m[i][j] = 5 i + j - 7, and a vector.
  void SetUp() override {
    SessionOptions options;
    options.threads = 2;
    options.sync = false;
    session_ = std::make_unique<Session>(posix_env(), printed_, options);
    auto outcome = session_->start(
        text("transforms:\n  - zeroes: {target: m, shape: [3, 5]}\n"
             "  - fill_: {target: m, mode: tensor, values: [[-7, -6, -5, -4, -3], [-2, -1, 0, 1, 2], [3, 4, 5, 6, 7]]}\n"
             "  - ones: {target: h.0.b, shape: [4]}\n  - ones: {target: h.1.b, shape: [4]}\n"),
        [](const std::string&) { return true; });
    ASSERT_TRUE(outcome.ok()) << to_string(outcome.error());
    run_ = std::move(outcome.value());
  }

  TempDir folder_;
  Printed printed_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<brainsurgery::Run> run_;
};

TEST_F(Look, PicturesHaveSmallerCellsAtTheEnds) {
  const TensorPicture picture = run_->picture({"model", "m", 2, 3}).value();
  EXPECT_EQ(picture.matrix_rows, 3);
  EXPECT_EQ(picture.matrix_columns, 5);
  EXPECT_EQ(picture.row_step, 2);
  EXPECT_EQ(picture.column_step, 2);
  EXPECT_EQ(picture.rows, 2);
  EXPECT_EQ(picture.columns, 3);
  EXPECT_THAT(picture.largest, ElementsAre(7, 5, 3, 4, 6, 7));
  EXPECT_THAT(picture.mean, ElementsAre(-4, -2, -0.5, 3.5, 5.5, 7));
}

TEST_F(Look, PicturesOfSmallTensorsHaveACellForEachElement) {
  const TensorPicture picture = run_->picture({"model", "m"}).value();
  EXPECT_EQ(picture.rows, 3);
  EXPECT_EQ(picture.columns, 5);
  EXPECT_EQ(picture.mean[14], 7);
  EXPECT_EQ(picture.largest[0], 7);
}

TEST_F(Look, AVectorIsOneRow) {
  const TensorPicture picture = run_->picture({"model", "h.0.b", 8, 2}).value();
  EXPECT_EQ(picture.rows, 1);
  EXPECT_THAT(picture.mean, ElementsAre(1, 1));
  EXPECT_THAT(run_->row_norms("model", "h.0.b").value(), ElementsAre(2));
}

TEST_F(Look, NobodyAsksForImpossiblePictures) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {1, -1}, {1 << 20, 1 << 20}})
    EXPECT_FALSE(run_->picture({"model", "m", rows, columns}).ok()) << rows << ' ' << columns;
  EXPECT_FALSE(run_->picture({"model", "nothing"}).ok());
}

TEST_F(Look, BlocksEndWithTheMatrix) {
  const TensorBlock block = run_->block({"model", "m", 1, 3, 9, 9}).value();
  EXPECT_EQ(block.rows, 2);
  EXPECT_EQ(block.columns, 2);
  EXPECT_THAT(block.values, ElementsAre(Number(1.0), Number(2.0), Number(6.0), Number(7.0)));
  for (const auto& [row, column] : {std::pair<std::int64_t, std::int64_t>{3, 0}, {0, 5}, {-1, 0}})
    EXPECT_FALSE(run_->block({"model", "m", row, column}).ok()) << row << ' ' << column;
}

TEST_F(Look, RowsHaveNorms) {
  const std::vector<double> norms = run_->row_norms("model", "m").value();
  ASSERT_EQ(norms.size(), 3);
  EXPECT_DOUBLE_EQ(norms[1], std::sqrt(10.0));
}

TEST_F(Look, DistancesAreOfTensorsOfOneShape) {
  const auto distance = run_->distance({"model", "h.0.b"}, {"model", "h.1.b"}).value();
  EXPECT_EQ(distance->distance, 0);
  EXPECT_EQ(distance->norm, 2);
  EXPECT_FALSE(run_->distance({"model", "h.0.b"}, {"model", "m"}).value());
}

TEST_F(Look, PatternsSelectNames) {
  EXPECT_THAT(run_->matching("model", R"(h\.\d\.b)").value(), ElementsAre("h.0.b", "h.1.b"));
  EXPECT_THAT(run_->matching("model", "[h, $i, b]").value(), ElementsAre("h.0.b", "h.1.b"));
  EXPECT_THAT(run_->matching("model", "nothing").value(), IsEmpty());
  EXPECT_FALSE(run_->matching("model", "(").ok());
}

TEST_F(Look, APreviewIsWhatTheStepThenDoes) {
  const auto foreseen = run_->preview(text("- copy: {from: m, to: n}\n- delete: {target: h.0.b}\n- cast_: {target: m, to: float16}")).value();
  ASSERT_EQ(foreseen.size(), 3);
  EXPECT_EQ(foreseen[0].entry.name, "h.0.b");
  EXPECT_FALSE(foreseen[0].after);
  EXPECT_EQ(foreseen[1].before->dtype, "float32");
  EXPECT_EQ(foreseen[1].after->dtype, "float16");
  EXPECT_EQ(foreseen[2].after->shape, (Shape{3, 5}));
  EXPECT_THAT(run_->names("model").value(), ElementsAre("h.0.b", "h.1.b", "m"));
  EXPECT_FALSE(run_->can_undo());
}

TEST_F(Look, APreviewPerformsNothing) {
  const std::string path = folder_ / "out.safetensors";
  EXPECT_TRUE(run_->preview(text("save: {path: '" + path + "'}")).ok());
  EXPECT_TRUE(run_->preview(text("dump: {target: m}")).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(printed_.text, "");
}

TEST_F(Look, APreviewKeepsWhatCanBeDoneAgain) {
  ASSERT_TRUE(run_->step(text("delete: {target: m}")).ok());
  ASSERT_TRUE(run_->undo().value());
  ASSERT_TRUE(run_->preview(text("delete: {target: h.0.b}")).ok());
  EXPECT_TRUE(run_->can_redo());
  EXPECT_TRUE(run_->redo().value());
}

TEST_F(Look, APreviewOfAMistakeSaysSo) {
  EXPECT_FALSE(run_->preview(text("copy: {from: nothing, to: n}")).ok());
  EXPECT_THAT(run_->names("model").value(), ElementsAre("h.0.b", "h.1.b", "m"));
}

TEST_F(Look, ModelsAreSavedAndOpenedBySteps) {
  const std::string path = folder_ / "out.safetensors";
  ASSERT_TRUE(run_->save("model", path).ok());
  ASSERT_TRUE(run_->open("again", path).ok());
  EXPECT_THAT(run_->aliases().value(), ElementsAre("again", "model"));
  EXPECT_TRUE(run_->undo().value());
  EXPECT_THAT(run_->aliases().value(), ElementsAre("model"));
  EXPECT_EQ(run_->origin("model", "m").value().file, "");
  EXPECT_FALSE(run_->open("nobody", folder_ / "nothing.safetensors").ok());
}

TEST_F(Look, OriginsArePlacesInFiles) {
  const std::string path = folder_ / "out.safetensors";
  ASSERT_TRUE(run_->save("model", path).ok());
  const auto outcome = session_->start(text("inputs: ['" + path + "']"), [](const std::string&) { return true; });
  ASSERT_TRUE(outcome.ok());
  const std::string alias = outcome.value()->aliases().value().front();
  const TensorOrigin origin = outcome.value()->origin(alias, "m").value();
  EXPECT_EQ(origin.file, path);
  EXPECT_GT(origin.offset, 0);
  EXPECT_EQ(run_->origin("model", "m").value().file, "");
}

}  // namespace
}  // namespace brainsurgery
