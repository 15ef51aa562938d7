// The families of assertion operators, one function and one file each; all_predicates.cpp calls them.
#pragma once

#include "brainsurgery/predicate.h"
#include "brainsurgery/step.h"

namespace brainsurgery {

// The step whose payload is an operator: assert.
void add_assert(StepRegistry& registry);

void add_presence(PredicateRegistry& registry);  // exists count
void add_shapes(PredicateRegistry& registry);    // shape dimensions dtype same_shape
void add_values(PredicateRegistry& registry);    // equal close iszero tied
void add_measures(PredicateRegistry& registry);  // finite range sum norm unique
void add_holds(PredicateRegistry& registry);     // holds
void add_access(PredicateRegistry& registry);    // reads writes
void add_logic(PredicateRegistry& registry);     // all any not

}  // namespace brainsurgery
