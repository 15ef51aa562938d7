// Names of an adapter's tensors, as PEFT, kohya's scripts, LyCORIS and diffusers write them.
//
//   parse_adapter_key("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight")
//   parse_adapter_key("lora_unet_mid_block_attentions_0_proj_in.lora_down.weight")
//   parse_adapter_key("unet.mid_block.attentions.0.proj_in.lora.down.weight")
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace brainsurgery::merging {

enum class AdapterPart {
  // LoRA, arXiv 2106.09685, with the core of a Tucker decomposition for convolutions, and of embeddings
  lora_a,
  lora_b,
  lora_mid,
  lora_bias,
  embedding_a,
  embedding_b,
  magnitude,  // DoRA, arXiv 2402.09353
  alpha,      // a number
  // LoHa, arXiv 2108.06098
  hada_w1_a,
  hada_w1_b,
  hada_w2_a,
  hada_w2_b,
  hada_t1,
  hada_t2,
  // LoKr, arXiv 2309.14859
  lokr_w1,
  lokr_w1_a,
  lokr_w1_b,
  lokr_w2,
  lokr_w2_a,
  lokr_w2_b,
  lokr_t2,
  whole,  // a tensor of the module itself
};
[[nodiscard]] std::string_view spelling(AdapterPart part);

struct AdapterKey {
  std::string module;   // "model.layers.0.self_attn.q_proj"
  AdapterPart part = AdapterPart::whole;
  std::string tensor;   // of the module, which the part changes: "weight" or "bias"
  std::string adapter;  // "default"; mostly empty
  int depth = 0;        // how often the module was wrapped before: several parameters of one module are adapted
  bool is_flat = false;  // underscores stand for the points of the module's name
  bool is_peft = false;  // it begins as PEFT writes it
};
// A tensor of an adapter of a kind that is not read.
struct UnreadKind {
  std::string_view name;  // "OFT"
};

[[nodiscard]] std::variant<AdapterKey, UnreadKind> parse_adapter_key(std::string_view name);

}  // namespace brainsurgery::merging
