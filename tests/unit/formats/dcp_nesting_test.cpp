#include "formats/dcp_nesting.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/formats/memory_file.h"

namespace brainsurgery {
namespace {

using testing::message_of;

struct Output {
  std::vector<std::string> tensors, objects = {};
};

class Nesting : public ::testing::Test {
 protected:
  // The input's names: each stands in the containers that its path says.
  void input(std::vector<ContainerPath> paths) {
    for (ContainerPath& path : paths) {
      std::string name;
      for (const auto& key : path) {
        const auto* text = std::get_if<std::string>(&key);
        name += (name.empty() ? "" : ".") + (text != nullptr ? *text : std::to_string(std::get<std::int64_t>(key)));
        extras_.has_dotted_keys |= text != nullptr && text->find('.') != std::string::npos;
      }
      if (path.size() > 1) extras_.paths[name] = std::move(path);
    }
  }
  DcpNesting of(const Output& output) {
    tensors_.clear();
    objects_.clear();
    for (const std::string& name : output.tensors) tensors_.push_back({name, {}});
    for (const std::string& name : output.objects) objects_.push_back({name});
    FileRequest request{tensors_, {}, metadata_};
    request.objects = objects_;
    request.extras = &extras_;
    return DcpNesting(request);
  }

 private:
  CheckpointExtras extras_;
  Metadata metadata_;
  std::vector<StoredTensor> tensors_;
  std::vector<StoredBytes> objects_;
};

TEST_F(Nesting, StaysWhereEveryTensorOfADictIsRenamed) {
  input({{"app", "model", "w"}, {"app", "model", "b"}, {"epoch"}});
  const Output output{{"app.net.w", "app.model.new.b"}, {"epoch"}};
  const DcpNesting nesting = of(output);
  EXPECT_EQ(nesting.path_of("app.net.w"), (ContainerPath{"app", "net", "w"}));
  EXPECT_EQ(nesting.path_of("app.model.new.b"), (ContainerPath{"app", "model", "new", "b"}));
  EXPECT_EQ(nesting.path_of("epoch"), (ContainerPath{"epoch"}));
}

TEST_F(Nesting, KeepsKeysWithDots) {
  input({{"model", "layers.0.w"}, {"optim", "state", "layers.0.w", "exp_avg"}});
  const Output output{{"net.layers.0.w", "model.blocks.0.w", "model.encoder.layers.0.w", "new.model.layers.0.w",
                       "optim.state.blocks.0.w.exp_avg"}};
  const DcpNesting nesting = of(output);
  EXPECT_EQ(nesting.path_of("net.layers.0.w"), (ContainerPath{"net", "layers.0.w"}));
  EXPECT_EQ(nesting.path_of("model.blocks.0.w"), (ContainerPath{"model", "blocks.0.w"}));
  EXPECT_EQ(nesting.path_of("model.encoder.layers.0.w"), (ContainerPath{"model", "encoder.layers.0.w"}));
  EXPECT_EQ(nesting.path_of("new.model.layers.0.w"), (ContainerPath{"new", "model", "layers.0.w"}));
  EXPECT_EQ(nesting.path_of("optim.state.blocks.0.w.exp_avg"),
            (ContainerPath{"optim", "state", "blocks.0.w", "exp_avg"}));
}

TEST_F(Nesting, HoldsListsThatPyTorchRebuilds) {
  input({{"m", "l", 0}, {"m", "l", 1}, {"w"}});
  const Output output{{"m.l.0", "m.l.1", "m.l.2", "net.l.0", "m.l.9.x"}};
  const DcpNesting closed = of(output);
  EXPECT_EQ(closed.path_of("m.l.1"), (ContainerPath{"m", "l", 1}));
  EXPECT_EQ(closed.path_of("m.l.2"), (ContainerPath{"m", "l.2"}));  // with 9 there would be gaps
  EXPECT_EQ(closed.path_of("net.l.0"), (ContainerPath{"net", "l", 0}));
  EXPECT_EQ(closed.path_of("m.l.9.x"), (ContainerPath{"m", "l.9.x"}));
  const Output longer{{"m.l.0", "m.l.1", "m.l.2"}};
  EXPECT_EQ(of(longer).path_of("m.l.2"), (ContainerPath{"m", "l", 2}));
  EXPECT_TRUE(of(longer).warnings().empty());
}

TEST_F(Nesting, MakesADictOfAListThatPyTorchDoesNotRebuild) {
  input({{"m", "l", 0}, {"m", "l", 1}, {"n", 0}, {"n", 1, "lr"}, {"o", 0}, {"o", 1}});
  const Output output{{"m.l.1"}, {"n.0", "n.1.lr", "o.0", "o.1"}};
  const DcpNesting nesting = of(output);
  EXPECT_EQ(nesting.path_of("m.l.1"), (ContainerPath{"m", "l", "1"}));
  EXPECT_EQ(nesting.path_of("n.1.lr"), (ContainerPath{"n", 1, "lr"}));
  EXPECT_EQ(nesting.path_of("o.0"), (ContainerPath{"o", "0"}));
  const std::string why =
      " is written as a dict with the positions as keys: PyTorch rebuilds lists without gaps only, and of tensors or "
      "dicts";
  EXPECT_EQ(nesting.warnings(), (std::vector{"the list 'm.l'" + why, "the list 'o'" + why}));
}

TEST_F(Nesting, RefusesAValueThatIsAContainer) {
  input({{"app", "w"}, {"app", "l", 0}});
  const Output both{{"app.w", "app"}};
  EXPECT_EQ(message_of([&] { static_cast<void>(of(both)); }), "'app' is the name of a container too");
  const Output below{{"x", "x.y", "app.new"}};
  const DcpNesting nesting = of(below);
  EXPECT_EQ(nesting.path_of("x.y"), (ContainerPath{"x.y"}));
  EXPECT_EQ(nesting.path_of("app.new"), (ContainerPath{"app", "new"}));
}

TEST_F(Nesting, CutsHostileNamesIntoFewKeys) {
  std::string dots = "a";
  while (dots.size() < 4096) dots += ".a";
  input({{"b", "w"}, ContainerPath(64, "c")});
  const Output output{{"b.w", dots, dots + ".b", dots + ".b.c"}};
  const DcpNesting nesting = of(output);
  for (const std::string& name : output.tensors) EXPECT_LE(nesting.path_of(name).size(), 17u);
  std::string deep = "c";
  for (int level = 1; level < 63; ++level) deep += ".c";
  const Output beside{{deep + ".c", deep + ".new"}};
  const DcpNesting deeper = of(beside);
  EXPECT_EQ(deeper.path_of(deep + ".c").size(), 64u);
  EXPECT_EQ(deeper.path_of(deep + ".new").size(), 17u);
}

}  // namespace
}  // namespace brainsurgery
