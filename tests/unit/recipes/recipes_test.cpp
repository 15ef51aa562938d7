#include "recipes/recipes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "brainsurgery/error.h"
#include "recipes/likeness.h"

namespace brainsurgery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Recipes, AreSortedByName) {
  EXPECT_GE(all_recipes().size(), 40u);
  EXPECT_TRUE(std::ranges::is_sorted(all_recipes(), {}, &Recipe::name));
}

TEST(Recipes, SayWhatTheyAreForAndHowTheyAreRun) {
  for (const Recipe& recipe : all_recipes()) {
    SCOPED_TRACE(recipe.name);
    EXPECT_TRUE(recipe.text.starts_with("# "));
    EXPECT_LE(summary_of(recipe).size(), 100u);
    EXPECT_TRUE(summary_of(recipe).ends_with('.'));
    EXPECT_THAT(std::string(recipe.text), HasSubstr("#   brainsurgery run recipe:" + std::string(recipe.name) + " -p "));
  }
}

TEST(Recipes, AreFoundWithAndWithoutThePrefix) {
  EXPECT_EQ(find_recipe("tie").name, "tie");
  EXPECT_EQ(find_recipe("recipe:tie").name, "tie");
  try {
    static_cast<void>(find_recipe("recipe:tye"));
    FAIL() << "a recipe that does not exist is found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    EXPECT_STREQ(error.what(), "there is no recipe 'tye'");
    EXPECT_THAT(error.diagnostics().front().notes, ElementsAre("did you mean 'tie'?", "brainsurgery recipes lists them"));
  }
}

// The regular expressions of the table mean the same to std::regex.
std::vector<std::string> notes_for(const std::vector<std::string>& names, const std::string& wanted = "x",
                                   const std::string& path = "model.safetensors") {
  const auto matches = [](const std::string& text, const std::string& regex) {
    return std::regex_match(text, std::regex(regex));
  };
  return likeness_notes({[&](const std::string& regex) {
                           return std::ranges::any_of(names, [&](const std::string& name) { return matches(name, regex); });
                         },
                         [&](const std::string& regex) { return matches(path, regex); }},
                        wanted);
}

TEST(Likenesses, NameRecipesThatExist) {
  for (const Likeness& row : all_likenesses()) EXPECT_NO_THROW(static_cast<void>(find_recipe(row.recipe))) << row.recipe;
}

struct Specimen {
  std::string name, recipe;
  std::string path = "model.safetensors";
};

// A name of each kind, as it is published.
const std::vector<Specimen> kSpecimens{
    {"model._fsdp_wrapped_module.layers.0.mlp.up_proj.weight", "clean-training-file"},
    {"_orig_mod.model.layers.0.mlp.up_proj.weight", "clean-training-file"},
    {"_forward_module.net.weight", "clean-training-file"},
    {"module.encoder.weight", "clean-training-file"},
    {"optimizer.state.0.exp_avg", "clean-training-file"},
    {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "merge-lora"},
    {"base_model.model.model.layers.0.self_attn.q_proj.lora_B.default.weight", "merge-lora"},
    {"layers.0.attention.wq.weight", "join-ranks", "Llama-2-70B/consolidated.07.pth"},
    {"layers.0.attention.wq.weight", "llama-meta-to-hf", "Llama-3-8B/consolidated.00.pth"},
    {"decoder.layers.0.self_attention.linear_qkv.weight", "megatron-to-hf"},
    {"h.0.attn.c_attn.weight", "gpt2-to-linear"},
    {"transformer.h.11.attn.c_attn.weight", "gpt2-to-linear"},
    {"blk.0.attn_q.weight", "gguf-to-hf"},
    {"model.layers.0.block_sparse_moe.experts.7.w1.weight", "experts-to-packed"},
    {"model.layers.0.mlp.experts.gate_up_proj", "experts-from-packed"},
    {"model.layers.0.self_attn.qkv_proj.weight", "split-fused"},
    {"model.layers.3.mlp.experts.0.up_proj.weight_scale_inv", "fp8-to-bf16"},
    {"ema.unet.weight", "use-ema"},
    {"model.layers.3.mlp.experts.17.gate_proj.weight", "moe-to-packed"},
    {"gpt_neox.layers.0.attention.query_key_value.weight", "neox-split-qkv"},
    {"bert.encoder.layer.0.output.LayerNorm.gamma", "bert-gamma-beta"},
    {"wav2vec2.encoder.pos_conv_embed.conv.weight_g", "weight-norm-parametrized"},
    {"blocks.11.attn.qkv.weight", "vit-from-timm"},
    {"visual.transformer.resblocks.0.attn.in_proj_weight", "clip-from-openai"},
    {"language_model.model.layers.0.mlp.up_proj.weight", "llava-nested"},
    {"visual.blocks.0.attn.proj.weight", "text-of-vision"},
    {"model.vision_tower.encoder.weight", "text-of-vision"}};

TEST(Likenesses, AreToldByNames) {
  for (const Specimen& specimen : kSpecimens) {
    SCOPED_TRACE(specimen.name);
    const std::vector<std::string> notes = notes_for({specimen.name}, "x", specimen.path);
    ASSERT_FALSE(notes.empty());
    EXPECT_THAT(notes.front(), HasSubstr("see brainsurgery help recipe:" + specimen.recipe));
  }
}

TEST(Likenesses, EveryRowHasASpecimen) {
  for (const Likeness& row : all_likenesses()) {
    const auto is_told = [&row](const Specimen& specimen) {
      const std::vector<std::string> notes = notes_for({specimen.name}, "x", specimen.path);
      return !notes.empty() && notes.front().find(row.sentence) != std::string::npos;
    };
    EXPECT_TRUE(std::ranges::any_of(kSpecimens, is_told)) << row.sentence;
  }
}

TEST(Likenesses, OfAWrapperNameWhatIsInsideToo) {
  EXPECT_EQ(notes_for({"module.transformer.h.0.attn.c_attn.weight"}).size(), 2u);
}

TEST(Likenesses, AreNotToldToWhoKnowsTheNames) {
  EXPECT_THAT(notes_for({"h.0.attn.c_attn.weight"}, "h.99.attn.c_attn.weight"), IsEmpty());
  EXPECT_THAT(notes_for({"model.layers.0.self_attn.q_proj.weight"}), IsEmpty());
}

}  // namespace
}  // namespace brainsurgery
