// merge: models merged by a published method.
#include "merging/families.h"
#include "merging/merge_row.h"
#include "merging/merge_spec.h"

namespace brainsurgery {

void add_merge(StepRegistry& registry) {
  using merging::MergeSpec;
  Edit edit;
  edit.lists_outcomes = [](const void* spec) {
    return static_cast<const MergeSpec*>(spec)->report == merging::ReportDetail::full;
  };
  registry.add(make_edit<MergeSpec>(
      merging::merge_schema(),
      [](const MergeSpec& spec, const Row& row) { return std::vector{merging::merged(spec, row)}; }, std::move(edit)));
}

}  // namespace brainsurgery
