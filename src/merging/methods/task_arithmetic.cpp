// task_arithmetic: weighted differences from the base are added to it (Ilharco et al., arXiv 2212.04089).
#include "merging/methods/methods.h"
#include "merging/methods/task_vectors.h"

namespace brainsurgery::merging {
namespace {

Expr lower(const MergeInputs& inputs) { return with_differences(inputs, differences(inputs), Election::none); }

}  // namespace

MergeMethod task_arithmetic() {
  return {.name = "task_arithmetic",
          .summary = "Adds weighted differences of models from their base to the base.",
          .formula = "B + lambda sum w_i D_i",
          .source = "Editing Models with Task Arithmetic, arXiv 2212.04089",
          .base = MergeMethod::Base::required,
          .least = 1,
          .most = 0,
          .parameters = {{"weight"}, {"lambda", 1}, {"normalize", 0}},
          .lower = lower};
}

}  // namespace brainsurgery::merging
