#include "documents/config_adjustment.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace brainsurgery {
namespace {

Expr tensor(DType dtype, Shape shape) {
  return random({dtype, std::move(shape)}, nodes::Random::Distribution::uniform, 0, 1, 1);
}

// `names` -> their tensors; a model of `layers` layers with two tensors each, an embedding and a head.
class Model {
 public:
  explicit Model(int layers = 0, DType dtype = DType::F32) {
    for (int i = 0; i < layers; ++i) {
      put(fmt::format("model.layers.{}.attn.weight", i), dtype, {2, 2});
      put(fmt::format("model.layers.{}.norm.weight", i), dtype, {2});
    }
    put("model.embed_tokens.weight", dtype, {8, 2});
  }
  Model& put(const std::string& name, DType dtype, Shape shape) {
    names_.put(name, tensor(dtype, std::move(shape)));
    return *this;
  }
  // Layer `to` becomes what layer `from` of the other model is.
  Model& take_layer(int to, const Model& other, int from) {
    for (const char* rest : {"attn.weight", "norm.weight"})
      names_.put(fmt::format("model.layers.{}.{}", to, rest), other.names_.find(fmt::format("model.layers.{}.{}", from, rest))->expr);
    return *this;
  }
  StateDict& names() { return names_; }
  [[nodiscard]] const StateDict& names() const { return names_; }

 private:
  StateDict names_;
};

// The changes and warnings, a line each.
std::string adjusted(const std::string& config, const Model& before, const Model& after) {
  Document document = parse_document("c", config, "c");
  const std::vector<std::string> warnings = adjust_config(document, before.names(), after.names());
  std::string text;
  for (const DocumentChange& change : document.changes) text += to_string(change).substr(3) + "\n";
  for (const std::string& warning : warnings) text += "warning: " + warning.substr(3) + "\n";
  return text;
}

TEST(ConfigLayers, FollowTheTensors) {
  const Model four(4), two(2), six(6);
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4})", four, two), "num_hidden_layers 4 -> 2\n");
  EXPECT_EQ(adjusted(R"({"n_layer": 4})", four, six), "n_layer 4 -> 6\n");
  EXPECT_EQ(adjusted(R"({"text_config": {"num_hidden_layers": 4}})", four, two), "text_config.num_hidden_layers 4 -> 2\n");
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4})", four, four), "");
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": "4"})", four, two), "");
  EXPECT_EQ(adjusted("{}", four, two), "");
}

TEST(ConfigLayers, StayWhereTheyCannotBeTold) {
  Model four(4), gap(4), more(5);
  for (const char* rest : {"attn.weight", "norm.weight"}) gap.names().erase(std::string("model.layers.1.") + rest);
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4})", four, gap),
            "warning: num_hidden_layers was 4, and the layers of 'model.layers' are not numbered 0 to 2 now; it is left alone\n");
  // One layer predicts a further token.
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4})", more, four),
            "warning: num_hidden_layers is 4, and 'model.layers' had 5 layers and has 4; it is left alone\n");
}

TEST(ConfigLayers, OfTwoStacksAreToldApart) {
  Model both(4), fewer(3);
  for (int i = 0; i < 4; ++i) {
    both.put(fmt::format("visual.blocks.{}.w", i), DType::F32, {2});
    fewer.put(fmt::format("visual.blocks.{}.w", i), DType::F32, {2});
  }
  EXPECT_EQ(adjusted(R"({"text_config": {"num_hidden_layers": 4}, "vision_config": {"num_hidden_layers": 4}})", both, fewer),
            "text_config.num_hidden_layers 4 -> 3\n");
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4})", both, fewer),
            "warning: num_hidden_layers may mean 'model.layers' or 'visual.blocks', which differ now; it is left alone\n");
}

TEST(ConfigLayers, ListsAreSplicedByWhereLayersCameFrom) {
  const Model four(4);
  Model after;
  after.take_layer(0, four, 0).take_layer(1, four, 3).take_layer(2, four, 3);
  const std::string config = R"({"num_hidden_layers": 4, "layer_types": ["a", "b", "c", "d"], "same": [1, 1, 1, 1], "eos_token_id": [1, 2, 3, 4]})";
  EXPECT_EQ(adjusted(config, four, after),
            "layer_types [\"a\", \"b\", \"c\", \"d\"] -> [\"a\", \"d\", \"d\"]\nsame [1, 1, 1, 1] -> [1, 1, 1]\nnum_hidden_layers 4 -> 3\n");
  // Computed layers tell as well; those of other files do not.
  after.names().put("model.layers.1.attn.weight", cast(four.names().find("model.layers.3.attn.weight")->expr, DType::F64));
  EXPECT_EQ(adjusted(config, four, after).find("layer_types [\"a\", \"b\", \"c\", \"d\"] -> [\"a\", \"d\", \"d\"]"), 0U);
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4, "layer_types": ["a", "b", "c", "d"]})", four, Model(3)),
            "num_hidden_layers 4 -> 3\nwarning: layer_types has an entry for each of 4 layers, and the tensors do not tell which of them the "
            "3 layers are; it is left alone\n");
  Model turned;
  turned.take_layer(0, four, 3).take_layer(1, four, 1).take_layer(2, four, 2).take_layer(3, four, 0);
  EXPECT_EQ(adjusted(R"({"num_hidden_layers": 4, "layer_types": ["a", "b", "c", "d"]})", four, turned),
            "layer_types [\"a\", \"b\", \"c\", \"d\"] -> [\"d\", \"b\", \"c\", \"a\"]\n");
}

TEST(ConfigVocabulary, FollowsTheRowsOfTheEmbedding) {
  Model before(1), after(1);
  after.put("model.embed_tokens.weight", DType::F32, {10, 2});
  EXPECT_EQ(adjusted(R"({"vocab_size": 8, "text_config": {"vocab_size": 8}})", before, after),
            "vocab_size 8 -> 10\ntext_config.vocab_size 8 -> 10\n");
  EXPECT_EQ(adjusted(R"({"vocab_size": 7})", before, after),
            "warning: vocab_size is 7, and 'model.embed_tokens.weight' had 8 rows and has 10; it is left alone\n");
  EXPECT_EQ(adjusted(R"({"vocab_size": 10})", before, after), "");
}

TEST(ConfigDtype, FollowsMostElements) {
  const Model full(2, DType::F32), half(2, DType::BF16);
  EXPECT_EQ(adjusted(R"({"torch_dtype": "float32"})", full, half), "torch_dtype \"float32\" -> \"bfloat16\"\n");
  EXPECT_EQ(adjusted(R"({"dtype": "torch.float32"})", full, half), "dtype \"torch.float32\" -> \"torch.bfloat16\"\n");
  EXPECT_EQ(adjusted(R"({"torch_dtype": "float16"})", full, half), "");
  Model mixed(2, DType::BF16);
  mixed.put("model.layers.0.norm.weight", DType::F32, {2});
  EXPECT_EQ(adjusted(R"({"torch_dtype": "float32"})", full, mixed), "torch_dtype \"float32\" -> \"bfloat16\"\n");
  mixed.put("model.large.weight", DType::F32, {1000});
  EXPECT_EQ(adjusted(R"({"torch_dtype": "float32"})", full, mixed), "");
  mixed.put("model.large.weight", DType::F32, {1});
  EXPECT_EQ(adjusted(R"({"torch_dtype": "bfloat16"})", mixed, full), "torch_dtype \"bfloat16\" -> \"float32\"\n");
  EXPECT_EQ(adjusted(R"({"torch_dtype": "float32"})", full, Model(2, DType::F8_E4M3)), "");
}

TEST(ConfigTie, FollowsTheHead) {
  Model tied(1), untied(1);
  untied.put("lm_head.weight", DType::F32, {8, 2});
  EXPECT_EQ(adjusted(R"({"tie_word_embeddings": true})", tied, untied), "tie_word_embeddings true -> false\n");
  EXPECT_EQ(adjusted(R"({"tie_word_embeddings": false})", untied, tied), "tie_word_embeddings false -> true\n");
  EXPECT_EQ(adjusted("{}", untied, tied), "tie_word_embeddings added: true\n");
  EXPECT_EQ(adjusted(R"({"tie_word_embeddings": true})", untied, tied), "");
}

TEST(ConfigExperts, FollowTheirNumber) {
  const auto moe = [](int first, int second) {
    Model model;
    for (int i = 0; i < first; ++i) model.put(fmt::format("model.layers.0.mlp.experts.{}.up.weight", i), DType::F32, {2});
    for (int i = 0; i < second; ++i) model.put(fmt::format("model.layers.1.mlp.experts.{}.up.weight", i), DType::F32, {2});
    return model;
  };
  EXPECT_EQ(adjusted(R"({"num_local_experts": 4, "num_experts_per_tok": 2})", moe(4, 4), moe(3, 3)), "num_local_experts 4 -> 3\n");
  EXPECT_EQ(adjusted(R"({"n_routed_experts": 4, "num_experts_per_tok": 4})", moe(4, 4), moe(2, 2)),
            "n_routed_experts 4 -> 2\nwarning: num_experts_per_tok is 4, more than the 2 experts; it is left alone\n");
  EXPECT_NE(adjusted(R"({"num_experts": 4})", moe(4, 4), moe(4, 3)).find("warning: num_experts was 4"), std::string::npos);
  Model fused, fewer;
  fused.put("model.layers.0.mlp.experts.gate_up_proj", DType::F32, {4, 2, 2});
  fewer.put("model.layers.0.mlp.experts.gate_up_proj", DType::F32, {3, 2, 2});
  EXPECT_EQ(adjusted(R"({"num_local_experts": 4})", fused, fewer), "num_local_experts 4 -> 3\n");
}

TEST(ConfigQuantization, GoesWithTheLastScale) {
  Model quantised(1), plain(1), blocks(1);
  quantised.put("model.layers.0.attn.weight_scale_inv", DType::F32, {1, 1});
  blocks.put("e.down_proj_blocks", DType::F32, {2}).put("e.down_proj_scales", DType::F32, {2});
  const std::string config = R"({"quantization_config": {"quant_method": "fp8"}})";
  EXPECT_EQ(adjusted(config, quantised, plain), "quantization_config removed\n");
  EXPECT_EQ(adjusted(config, blocks, plain), "quantization_config removed\n");
  EXPECT_EQ(adjusted(config, quantised, quantised), "");
  EXPECT_EQ(adjusted(config, plain, plain), "");
}

TEST(ConfigAdjustment, LeavesWhatAStepSet) {
  Document config = parse_document("c", R"({"num_hidden_layers": 4, "quantization_config": {"a": 1}})", "c");
  config.set({"num_hidden_layers"}, json_integer(4));
  config.set({"quantization_config", "a"}, json_integer(2));
  Model quantised(4);
  quantised.put("w.qweight", DType::F32, {2});
  EXPECT_TRUE(adjust_config(config, quantised.names(), Model(2).names()).empty());
  EXPECT_EQ(config.changes.size(), 2U);
}

}  // namespace
}  // namespace brainsurgery
