// What this program adds to the library.
#pragma once

#include <brainsurgery/operation.h>
#include <brainsurgery/predicate.h>
#include <brainsurgery/reducer.h>
#include <brainsurgery/step.h>

namespace surgeon {

extern const brainsurgery::Operation kSquash;  // squash(x, limit)
extern const brainsurgery::Reducer kSpan;      // span(x)

brainsurgery::Step squash_in_place();   // squash_: {target: REF, limit: NUMBER}
brainsurgery::Predicate spans_at_most();  // assert: {spans_at_most: {of: REF, is: NUMBER}}

}  // namespace surgeon
