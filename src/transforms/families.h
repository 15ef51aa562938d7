// The families of edits, one function and one file each; all_transforms.cpp calls them.
#pragma once

#include <memory>

#include "brainsurgery/step.h"

namespace brainsurgery {

class FormulaFunctions;

// All of them; formulas call these functions.
void add_transforms(StepRegistry& registry, std::shared_ptr<const FormulaFunctions> functions);

void add_copy_move(StepRegistry& registry);     // copy move delete assign
void add_arithmetic(StepRegistry& registry);    // add add_ ... divide_, negate_ round_ reciprocal_ sqrt_
void add_matmul(StepRegistry& registry);        // matmul
void add_phlora(StepRegistry& registry);        // phlora phlora_
void add_scale(StepRegistry& registry);         // scale scale_
void add_cast(StepRegistry& registry);          // cast cast_
void add_clamp(StepRegistry& registry);         // clamp clamp_
void add_reshape(StepRegistry& registry);       // reshape reshape_
void add_permute(StepRegistry& registry);       // permute permute_
void add_rearrange(StepRegistry& registry);     // rearrange rearrange_
void add_reductions(StepRegistry& registry);    // sum mean norm min max var normalize_
void add_take(StepRegistry& registry);          // take
void add_split_concat(StepRegistry& registry);  // split concat
void add_create(StepRegistry& registry);        // zeroes ones rand
void add_fill(StepRegistry& registry);          // fill fill_
void add_resize(StepRegistry& registry);        // resize_
void add_interpolate(StepRegistry& registry);   // interpolate_
void add_linear(StepRegistry& registry);        // linear
void add_fold(StepRegistry& registry);          // fold
void add_project_out(StepRegistry& registry);   // project_out_
void add_compute(StepRegistry& registry, std::shared_ptr<const FormulaFunctions> functions);  // compute

}  // namespace brainsurgery
