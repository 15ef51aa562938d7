// The families of edits, one function and one file each; all_transforms.cpp calls them.
#pragma once

#include "transforms/transform.h"

namespace brainsurgery {

void add_copy_move(TransformRegistry& registry);     // copy move delete assign
void add_arithmetic(TransformRegistry& registry);    // add add_ ... divide_, negate_ round_ reciprocal_ sqrt_
void add_matmul(TransformRegistry& registry);        // matmul
void add_compute(TransformRegistry& registry);       // compute
void add_phlora(TransformRegistry& registry);        // phlora phlora_
void add_scale(TransformRegistry& registry);         // scale scale_
void add_cast(TransformRegistry& registry);          // cast cast_
void add_clamp(TransformRegistry& registry);         // clamp clamp_
void add_reshape(TransformRegistry& registry);       // reshape reshape_
void add_permute(TransformRegistry& registry);       // permute permute_
void add_reductions(TransformRegistry& registry);    // sum mean norm min max var normalize_
void add_take(TransformRegistry& registry);          // take
void add_split_concat(TransformRegistry& registry);  // split concat
void add_create(TransformRegistry& registry);        // zeroes ones rand
void add_fill(TransformRegistry& registry);          // fill fill_

}  // namespace brainsurgery
