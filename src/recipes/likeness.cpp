#include "recipes/likeness.h"

#include <fmt/format.h>

namespace brainsurgery {
namespace {

constexpr std::size_t kMostNotes = 2;

bool holds(const Likeness& row, const LikenessTests& tests) {
  return (row.path.empty() || tests.path(std::string(row.path))) &&
         (row.names.empty() || tests.any_name(std::string(row.names)));
}

}  // namespace

// What wraps a model stands before what it may wrap, and what is one part or a kind of a layout before the layout.
const std::vector<Likeness>& all_likenesses() {
  static const std::vector<Likeness> kRows{
      {R"((?:.*\.)?_fsdp_wrapped_module\..+)", "", "_fsdp", "names that FSDP wraps (_fsdp_wrapped_module.)",
       "clean-training-file"},
      {R"((?:.*\.)?_orig_mod\..+)", "", "_orig_mod", "names that torch.compile wraps (_orig_mod.)",
       "clean-training-file"},
      {R"((?:.*\.)?_forward_module\..+)", "", "_forward_module", "names that Lightning wraps (_forward_module.)",
       "clean-training-file"},
      {R"((?:state_dict\.)?module\..+)", "", "module", "names that DDP wraps (module.)", "clean-training-file"},
      {R"((?:.*\.)?(?:exp_avg_sq|optimizer_states?|optimizer)\..+)", "", "optim", "the state of an optimizer beside the model",
       "clean-training-file"},
      {R"((?:.*\.)?lora_[AB](?:\.[^.]+)?\.weight)", "", "lora_", "the names of a LoRA adapter, which is no model by itself",
       "merge-lora"},
      {R"((?:.*\.)?layers\.\d+\.attention\.wq\.weight)", R"((?:.*/)?(?:mp_rank_\d+|consolidated\.(?:0[1-9]|[1-9]\d)).*)",
       "rank", "one rank's part of a tensor-parallel model", "join-ranks"},
      {R"((?:.*\.)?layers\.\d+\.attention\.wq\.weight)", "", "attention.w",
       "the names of Meta's releases (layers.N.attention.wq.weight)", "llama-meta-to-hf"},
      {R"((?:.*\.)?decoder\.layers\.\d+\.self_attention\.linear_qkv\.weight)", "", "linear_qkv",
       "the names of Megatron-Core (decoder.layers.N.self_attention.linear_qkv.weight)", "megatron-to-hf"},
      {R"((?:.*\.)?h\.\d+\.attn\.c_attn\.weight)", "", "c_attn",
       "the names of GPT-2, whose matrices are stored [in, out] (Conv1D)", "gpt2-to-linear"},
      {R"(blk\.\d+\.attn_q\.weight)", "", "blk", "the names of GGUF (blk.N.attn_q.weight)", "gguf-to-hf"},
      {R"(.*\.block_sparse_moe\.experts\.\d+\.w1\.weight)", "", "block_sparse_moe",
       "the names of Mixtral, one tensor for each expert", "experts-to-packed"},
      {R"(.*\.mlp\.experts\.\d+\.gate_proj\.weight)", "", "experts", "one tensor for each expert", "moe-to-packed"},
      {R"(gpt_neox\.layers\.\d+\.attention\.query_key_value\.weight)", "", "query_key_value",
       "the fused matrices of GPT-NeoX, whose rows lie head by head", "neox-split-qkv"},
      {R"(.*\.LayerNorm\.gamma)", "", "gamma", "the names of old BERT checkpoints (gamma, beta)", "bert-gamma-beta"},
      {R"(.*\.weight_g)", "", "weight_", "the names of weight norm (weight_g, weight_v)", "weight-norm-parametrized"},
      {R"(blocks\.\d+\.attn\.qkv\.weight)", "", "blocks", "the names of a vision transformer of timm", "vit-from-timm"},
      {R"(visual\.transformer\.resblocks\.\d+\.attn\.in_proj_weight)", "", "resblocks", "the names of CLIP by OpenAI",
       "clip-from-openai"},
      {R"(language_model\.model\..+)", "", "language_model.model", "the names of LLaVA before transformers 5", "llava-nested"},
      {R"(.*\.mlp\.experts\.gate_up_proj)", "", "experts.gate_up", "packed experts, a tensor for all of a layer",
       "experts-from-packed"},
      {R"(.*\.self_attn\.qkv_proj\.weight)", "", "qkv_proj", "fused matrices, as Phi-3 has them", "split-fused"},
      {R"(.*\.weight_scale_inv)", "", "scale_inv", "weights in FP8 with the scales of their blocks", "fp8-to-bf16"},
      {R"(ema\..+)", "", "ema", "averaged weights beside those that were trained (ema.)", "use-ema"},
      {R"((?:model\.)?(?:visual|vision_tower|vision_model)\..+)", "", "vis", "the names of a vision-language model",
       "text-of-vision"}};
  return kRows;
}

std::vector<std::string> likeness_notes(const LikenessTests& tests, std::string_view wanted) {
  std::vector<std::string> notes;
  for (const Likeness& row : all_likenesses()) {
    if (notes.size() == kMostNotes) break;
    if (wanted.find(row.familiar) != std::string_view::npos || !holds(row, tests)) continue;
    notes.push_back(fmt::format("the checkpoint has {}: see brainsurgery help recipe:{}", row.sentence, row.recipe));
  }
  return notes;
}

}  // namespace brainsurgery
