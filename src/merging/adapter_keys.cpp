#include "merging/adapter_keys.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

namespace brainsurgery::merging {
namespace {

using Words = std::vector<std::string_view>;

struct Spelling {
  std::string_view word;
  AdapterPart part;
};
// The first spelling of a part is that of messages.
constexpr std::array kParts{
    Spelling{"lora_A", AdapterPart::lora_a},
    Spelling{"lora_B", AdapterPart::lora_b},
    Spelling{"lora_mid", AdapterPart::lora_mid},
    Spelling{"lora_B.bias", AdapterPart::lora_bias},
    Spelling{"lora_embedding_A", AdapterPart::embedding_a},
    Spelling{"lora_embedding_B", AdapterPart::embedding_b},
    Spelling{"lora_magnitude_vector", AdapterPart::magnitude},
    Spelling{"alpha", AdapterPart::alpha},
    Spelling{"hada_w1_a", AdapterPart::hada_w1_a},
    Spelling{"hada_w1_b", AdapterPart::hada_w1_b},
    Spelling{"hada_w2_a", AdapterPart::hada_w2_a},
    Spelling{"hada_w2_b", AdapterPart::hada_w2_b},
    Spelling{"hada_t1", AdapterPart::hada_t1},
    Spelling{"hada_t2", AdapterPart::hada_t2},
    Spelling{"lokr_w1", AdapterPart::lokr_w1},
    Spelling{"lokr_w1_a", AdapterPart::lokr_w1_a},
    Spelling{"lokr_w1_b", AdapterPart::lokr_w1_b},
    Spelling{"lokr_w2", AdapterPart::lokr_w2},
    Spelling{"lokr_w2_a", AdapterPart::lokr_w2_a},
    Spelling{"lokr_w2_b", AdapterPart::lokr_w2_b},
    Spelling{"lokr_t2", AdapterPart::lokr_t2},
    Spelling{"lora_down", AdapterPart::lora_a},
    Spelling{"lora_up", AdapterPart::lora_b},
};

struct Kind {
  std::string_view word, name;
};
// Words that no module is called by.
constexpr std::array kUnread{
    Kind{"oft_r", "OFT"},           Kind{"oft_R", "OFT"},
    Kind{"oft_s", "OFT"},           Kind{"oft_blocks", "LyCORIS OFT"},
    Kind{"oft_diag", "OFT"},        Kind{"boft_R", "BOFT"},
    Kind{"boft_s", "BOFT"},         Kind{"ia3_l", "IA3"},
    Kind{"on_input", "LyCORIS IA3"}, Kind{"vera_lambda_b", "VeRA"},
    Kind{"vera_lambda_d", "VeRA"},  Kind{"vera_A", "VeRA"},
    Kind{"vera_B", "VeRA"},         Kind{"lora_E", "AdaLoRA"},
    Kind{"ranknum", "AdaLoRA"},     Kind{"fourierft_spectrum", "FourierFT"},
    Kind{"hra_u", "HRA"},           Kind{"dora_scale", "LyCORIS DoRA (dora_scale)"},
    Kind{"diff", "LyCORIS full (diff)"}, Kind{"diff_b", "LyCORIS full (diff)"},
    Kind{"w_norm", "LyCORIS norm"}, Kind{"b_norm", "LyCORIS norm"},
    Kind{"a1", "GLoRA"},            Kind{"a2", "GLoRA"},
    Kind{"b1", "GLoRA"},            Kind{"b2", "GLoRA"},
    Kind{"trainable_tokens_delta", "trainable tokens"},
    Kind{"prompt_embeddings", "prompt tuning"},
    Kind{"shira_weight", "SHiRA"},  Kind{"c3a_kernel", "C3A"},
};

Words words_of(std::string_view name) {
  Words words;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    words.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string joined(std::span<const std::string_view> words) {
  std::string result;
  for (const std::string_view word : words) result += (result.empty() ? "" : ".") + std::string(word);
  return result;
}

// Without the word that PEFT puts around a module for each adapter of it.
int remove_wrappers(Words& words) {
  return static_cast<int>(std::erase(words, "base_layer"));
}

// "lora_unet_down_blocks_0" -> "down_blocks_0"; nullopt: the module's name has its points.
std::optional<std::string> flat_module(const std::string& module) {
  constexpr std::array<std::string_view, 8> kPrefixes{"lora_unet_", "lora_te1_",         "lora_te2_", "lora_te3_",
                                                      "lora_te_",   "lora_transformer_", "lycoris_",  "lora_prior_unet_"};
  if (module.find('.') != std::string::npos) return std::nullopt;
  for (const std::string_view prefix : kPrefixes) {
    if (module.starts_with(prefix)) return module.substr(prefix.size());
  }
  return std::nullopt;
}

// "to_q_lora" of an attention processor of old diffusers files: the module it stands for.
std::optional<std::string> processor_module(const Words& words, std::size_t at) {
  constexpr std::string_view kSuffix = "_lora", kOut = "to_out";
  if (at == 0 || words[at - 1] != "processor" || !words[at].ends_with(kSuffix)) return std::nullopt;
  const std::string_view layer = words[at].substr(0, words[at].size() - kSuffix.size());
  return joined(std::span(words).first(at - 1)) + "." + std::string(layer) + (layer == kOut ? ".0" : "");
}

struct Found {
  std::string module;
  AdapterPart part;
  std::size_t rest;  // the first word behind
};

std::optional<Found> find_part(const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view next = i + 1 < words.size() ? words[i + 1] : "";
    const bool is_half = next == "down" || next == "up";
    const AdapterPart half = next == "down" ? AdapterPart::lora_a : AdapterPart::lora_b;
    const std::string before = joined(std::span(words).first(i));
    if (is_half && (words[i] == "lora" || words[i] == "lora_linear_layer")) return Found{before, half, i + 2};
    if (is_half) {
      if (std::optional<std::string> module = processor_module(words, i)) return Found{*std::move(module), half, i + 2};
    }
    const auto* spelt = std::ranges::find(kParts, words[i], &Spelling::word);
    if (spelt == kParts.end() || (spelt->part == AdapterPart::alpha && i + 1 < words.size())) continue;
    return Found{before, spelt->part, i + 1};
  }
  return std::nullopt;
}

std::optional<UnreadKind> unread_kind(const Words& words, bool is_peft) {
  constexpr std::size_t kShort = 2;  // "a1" may be a module of a model
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto* kind = std::ranges::find(kUnread, words[i], &Kind::word);
    if (kind != kUnread.end() && (kind->word.size() > kShort || !is_peft)) return UnreadKind{kind->name};
  }
  return std::nullopt;
}

// A tensor of the module itself, as modules_to_save and trained biases are.
AdapterKey whole_key(Words words) {
  AdapterKey key;
  remove_wrappers(words);
  if (const auto saved = std::ranges::find(words, "modules_to_save"); saved != words.end()) {
    const auto after = words.erase(saved);
    if (words.end() - after > 1) {
      key.adapter = *after;
      words.erase(after);
    }
  }
  key.tensor = words.back();
  words.pop_back();
  key.module = joined(words);
  return key;
}

AdapterKey part_key(Found found, std::span<const std::string_view> rest) {
  AdapterKey key{std::move(found.module), found.part, "weight", "", 0};
  if (!rest.empty() && (rest.back() == "weight" || rest.back() == "bias")) {
    if (rest.back() == "bias" && found.part == AdapterPart::lora_b) {
      key.part = AdapterPart::lora_bias;
      key.tensor = "bias";
    }
    rest = rest.first(rest.size() - 1);
  }
  key.adapter = joined(rest);
  if (std::optional<std::string> flat = flat_module(key.module)) {
    key.module = *std::move(flat);
    key.is_flat = true;
  }
  return key;
}

}  // namespace

std::string_view spelling(AdapterPart part) {
  return part == AdapterPart::whole ? "whole" : std::ranges::find(kParts, part, &Spelling::part)->word;
}

std::variant<AdapterKey, UnreadKind> parse_adapter_key(std::string_view name) {
  constexpr std::string_view kPeft = "base_model.model.";
  const bool is_peft = name.starts_with(kPeft);
  if (is_peft) name.remove_prefix(kPeft.size());
  Words words = words_of(name);
  if (const std::optional<UnreadKind> kind = unread_kind(words, is_peft)) return *kind;
  std::optional<Found> found = find_part(words);
  if (!found) {
    AdapterKey key = whole_key(std::move(words));
    key.is_peft = is_peft;
    return key;
  }
  Words rest(words.begin() + static_cast<std::ptrdiff_t>(found->rest), words.end());
  Words module = words_of(found->module);
  const int depth = remove_wrappers(module);
  found->module = joined(module);
  AdapterKey key = part_key(*std::move(found), rest);
  key.depth = depth;
  key.is_peft = is_peft;
  return key;
}

}  // namespace brainsurgery::merging
