#include <gtest/gtest.h>

#include "brainsurgery/error.h"
#include "merging/mergekit/plan.h"
#include "plan/yaml_printer.h"

namespace brainsurgery::merging {
namespace {

// Of models below `models/` with four layers; those whose names begin with "tied" have no head of their own.
std::optional<std::string> config_json(const std::string& path) {
  if (!path.starts_with("models/")) return std::nullopt;
  const bool tied = path.starts_with("models/tied");
  return std::string(R"({"num_hidden_layers": 4, "tie_word_embeddings": )") + (tied ? "true}" : "false}");
}

std::string plan_of(const std::string& config) {
  return print_yaml(*mergekit_plan(std::make_shared<SourceText>(SourceText{"config.yml", config}), "out", config_json));
}

std::string mistakes_of(const std::string& config) {
  try {
    return plan_of(config);
  } catch (const Error& error) {
    return to_string(error);
  }
}

TEST(MergekitPlan, ModelsAreOneStepWithRulesAndCurves) {
  EXPECT_EQ(plan_of(R"(merge_method: ties
base_model: models/base
models:
  - model: models/base
  - model: models/a.b
    parameters:
      weight: [{filter: mlp.up, value: [0, 1]}, {value: 0.5}]
      density: [1, 0.5]
parameters: {normalize: true, int8_mask: true, rescale: true, density: 0.3}
dtype: float32
out_dtype: bfloat16
)"),
            R"(inputs:
- base::models/base
- a_b::models/a.b
transforms:
- merge:
    method: ties
    base: base::(.*)
    models:
    - of: a_b::\1
      weight:
      - match: .*mlp\.up.*
        value:
          curve:
          - 0
          - 1
          count: 4
      - value: 0.5
      density:
        curve:
        - 1
        - 0.5
        count: 4
    normalize: true
    rescale: l1
    to: merged::\1
    in: float32
    dtype: bfloat16
    consistency: mergekit
output:
  path: out
  model: merged
)");
}

TEST(MergekitPlan, SlicesAreStepsByLayers) {
  EXPECT_EQ(plan_of(R"(merge_method: passthrough
slices:
  - sources: [{model: models/a, layer_range: [0, 3]}]
  - sources: [{model: models/b, layer_range: [1, 4], parameters: {scale: [1, 0.5]}}]
)"),
            R"(inputs:
- a::models/a
- b::models/b
transforms:
- merge:
    except: (?:.*\.)?(?:norm|ln_f|final_layernorm|final_layer_norm|lm_head|embed_out|output)\.(?:weight|bias)
    method: passthrough
    models:
    - of: a::(?P<name>[^.]*[^.0-9][^.]*(?:\.[^.]*[^.0-9][^.]*)*)
    to: merged::\g<name>
    consistency: mergekit
- merge:
    each:
      i: 0..2
    method: passthrough
    models:
    - of: a::(?P<before>(?:[^.]*[^.0-9][^.]*\.)*)${i}\.(?P<behind>.*)
    to: merged::\g<before>${i}.\g<behind>
    consistency: mergekit
- merge:
    each:
      i: 0..2
    method: passthrough
    models:
    - of: b::(?P<before>(?:[^.]*[^.0-9][^.]*\.)*)${i + 1}\.(?P<behind>.*)
      scale:
        curve:
        - 1
        - 0.5
        first: 1
        count: 3
    to: merged::\g<before>${i + 3}.\g<behind>
    consistency: mergekit
- merge:
    optional: true
    method: passthrough
    models:
    - of: b::(?P<name>(?:.*\.)?(?:norm|ln_f|final_layernorm|final_layer_norm|lm_head|embed_out|output)\.(?:weight|bias))
      scale:
        curve:
        - 1
        - 0.5
        first: 1
        count: 3
    to: merged::\g<name>
    consistency: mergekit
output:
  path: out
  model: merged
)");
}

TEST(MergekitPlan, TiedHeadsAreReadFromEmbeddings) {
  EXPECT_EQ(plan_of(R"(merge_method: linear
models:
  - {model: models/a, parameters: {weight: 1}}
  - {model: models/tied, parameters: {weight: 2}}
)"),
            R"(inputs:
- a::models/a
- tied::models/tied
transforms:
- merge:
    except: lm_head\.weight
    method: linear
    models:
    - of: a::(.*)
      weight: 1
    - of: tied::\1
      weight: 2
    to: merged::\1
    consistency: mergekit
- merge:
    method: linear
    models:
    - of: a::lm_head\.weight
      weight: 1
    - of: tied::model\.embed_tokens\.weight
      weight: 2
    to: merged::lm_head.weight
    consistency: mergekit
output:
  path: out
  model: merged
)");
}

TEST(MergekitPlan, DocumentsMergeResultsOfEarlierOnes) {
  EXPECT_EQ(plan_of(R"(name: first
merge_method: linear
models:
  - {model: models/a, parameters: {weight: 1}}
  - {model: models/b, parameters: {weight: 1}}
---
merge_method: slerp
base_model: models/base
models: [{model: models/base}, {model: first}]
parameters: {t: 0.5}
)"),
            R"(inputs:
- a::models/a
- b::models/b
- base::models/base
transforms:
- merge:
    method: linear
    models:
    - of: a::(.*)
      weight: 1
    - of: b::\1
      weight: 1
    to: first::\1
    consistency: mergekit
- merge:
    method: slerp
    base: base::(.*)
    models:
    - of: first::\1
    t: 0.5
    to: merged::\1
    consistency: mergekit
output:
  path: out
  model: merged
)");
}

TEST(MergekitPlan, MistakesComeAllAtOnceWithTheNearestWord) {
  EXPECT_EQ(mistakes_of(R"(merge_method: tiess
models:
  - {model: models/a, parameters: {desnity: 0.5}}
  - {model: models/a}
  - {model: models/b+models/lora}
out_dytpe: bfloat16
dtype: float31
tokenizer_source: union
---
merge_method: linear
slices:
  - sources: [{model: models/a, layer_range: [0, 2]}, {model: models/b, layer_range: [0, 3]}]
  - sources: [{model: models/a, layer_range: [3, 2]}]
)"),
            R"(config.yml:6:1: error: unknown key 'out_dytpe'
    6 | out_dytpe: bfloat16
      | ^~~~~~~~~
  note: did you mean 'out_dtype'?
  note: known keys: merge_method, base_model, models, slices, modules, parameters, dtype, out_dtype, tokenizer_source, tokenizer, chat_template, name
config.yml:8:19: error: 'tokenizer_source' is not supported: vocabularies are not aligned; merge models of one tokenizer without this key
    8 | tokenizer_source: union
      |                   ^~~~~
config.yml:7:8: error: dtype: unknown dtype 'float31'; one of float16, bfloat16, float32, float64
    7 | dtype: float31
      |        ^~~~~~~
config.yml:3:36: error: unknown key 'desnity'
    3 |   - {model: models/a, parameters: {desnity: 0.5}}
      |                                    ^~~~~~~
  note: did you mean 'density'?
  note: known keys: int8_mask, weight, density, gamma, epsilon, scale, t, lambda, normalize, rescale, flatten, row_wise, filter_wise, tall, votes, select_topk, eps, max_iter, tol, r, alpha, nuslerp_flatten, nuslerp_row_wise, normalize_weights
config.yml:4:5: error: models/a stands twice in one slice
    4 |   - {model: models/a}
      |     ^
config.yml:5:13: error: 'models/b+models/lora' names an adapter, which is not supported: merge it into the model first
    5 |   - {model: models/b+models/lora}
      |             ^~~~~~~~~~~~~~~~~~~~
config.yml:1:15: error: unknown merge_method 'tiess'
    1 | merge_method: tiess
      |               ^~~~~
  note: did you mean 'ties'?
  note: methods: linear, slerp, nuslerp, multislerp, karcher, task_arithmetic, ties, dare_linear, dare_ties, della, della_linear, breadcrumbs, breadcrumbs_ties, model_stock, sce, arcee_fusion, nearswap, ram, ramplus_tl, iso_c, tsv_m, consensus, fisher, passthrough
config.yml:1:1: error: a document before the last one needs a 'name', by which later ones merge its result
    1 | merge_method: tiess
      | ^
config.yml:12:55: error: models/b has 3 layers in this slice, models/a has 2
   12 |   - sources: [{model: models/a, layer_range: [0, 2]}, {model: models/b, layer_range: [0, 3]}]
      |                                                       ^
config.yml:13:46: error: expected 0 <= first <= end, found a list
   13 |   - sources: [{model: models/a, layer_range: [3, 2]}]
      |                                              ^
)");
}

}  // namespace
}  // namespace brainsurgery::merging
