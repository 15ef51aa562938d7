// The methods of the step `merge`, one function and one file each; merge_method.cpp lists them.
#pragma once

#include "merging/merge_method.h"

namespace brainsurgery::merging {

[[nodiscard]] MergeMethod linear();
[[nodiscard]] MergeMethod slerp();
[[nodiscard]] MergeMethod nuslerp();
[[nodiscard]] MergeMethod multislerp();
[[nodiscard]] MergeMethod karcher();
[[nodiscard]] MergeMethod task_arithmetic();
[[nodiscard]] MergeMethod ties();
[[nodiscard]] MergeMethod dare_linear();
[[nodiscard]] MergeMethod dare_ties();
[[nodiscard]] MergeMethod della();
[[nodiscard]] MergeMethod della_linear();
[[nodiscard]] MergeMethod breadcrumbs();
[[nodiscard]] MergeMethod breadcrumbs_ties();
[[nodiscard]] MergeMethod model_stock();
[[nodiscard]] MergeMethod sce();
[[nodiscard]] MergeMethod arcee_fusion();
[[nodiscard]] MergeMethod nearswap();
[[nodiscard]] MergeMethod ram();
[[nodiscard]] MergeMethod ramplus_tl();
[[nodiscard]] MergeMethod iso_c();
[[nodiscard]] MergeMethod tsv_m();
[[nodiscard]] MergeMethod consensus();
[[nodiscard]] MergeMethod fisher();
[[nodiscard]] MergeMethod passthrough();

}  // namespace brainsurgery::merging
