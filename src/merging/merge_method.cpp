#include "merging/merge_method.h"

#include <array>

#include "merging/methods/methods.h"

namespace brainsurgery::merging {

std::span<const MergeParameter> merge_parameters() {
  static const std::vector<MergeParameter> parameters{
      {"weight", true, "The weight of a model."},
      {"density", true, "The share of the elements of a model's difference from the base that stay, 0 to 1."},
      {"gamma", true, "The share of the largest elements of a difference that go, 0 to 1."},
      {"epsilon", true, "Elements that differ by no more from the base count as unchanged. della: how far probabilities go from the density."},
      {"scale", true, "What the tensor is multiplied by."},
      {"t", false, "How far to go from the first tensor, 0, to the other, 1."},
      {"lambda", false, "The factor of what is added to the base."},
      {"normalize", false, "Whether weights are divided by their sum."},
      {"rescale",
       false,
       "What elements that stay are multiplied by. density: one over the share that stays. l1: what makes the sum of "
       "magnitudes the one before.",
       {"none", "density", "l1"}},
      {"flatten", false, "Whether the whole tensor is one vector; else each row is, along the last dimension."},
      {"row_wise", false, "Without `flatten`: vectors are along the first dimension."},
      {"filter_wise", false, "Whether each row is treated as a tensor of its own."},
      {"tall", true, "How large an element of a difference is at least, beside the sum of the others, to matter to its model."},
      {"votes", false, "To how many models an element matters at least."},
      {"select_topk", false, "The share of the elements, of those on which models differ, that stays: 0 to 1."},
      {"eps", false, "The length that counts as 0."},
      {"max_iter", false, "How many steps there are at most."},
      {"tol", false, "The length of a step, and of a vector, that counts as 0."},
      {"r", false, "How much larger what only one model changed may become."},
      {"alpha", false, "The ratio of shared to unique changes from which on nothing becomes larger."},
  };
  return parameters;
}

std::vector<double> MergeInputs::of_models(std::string_view parameter) const {
  std::vector<double> values;
  for (std::size_t i = 0; i < models.size(); ++i) values.push_back(of_model(parameter, i));
  return values;
}

std::span<const MergeMethod> merge_methods() {
  static const std::array methods{linear(), slerp(), nuslerp(), multislerp(), karcher(), task_arithmetic(), ties(), dare_linear(), dare_ties(), della(), della_linear(), breadcrumbs(), breadcrumbs_ties(), model_stock(), sce(), arcee_fusion(), nearswap(), ram(), ramplus_tl(), iso_c(), tsv_m(), consensus(), fisher(), passthrough()};
  return methods;
}

}  // namespace brainsurgery::merging
