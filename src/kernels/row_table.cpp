#include "brainsurgery/row_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "brainsurgery/operation.h"
#include "brainsurgery/reducer.h"

namespace brainsurgery {
namespace {

std::span<const Operation> library_rows(const Operation*) { return operations(); }
std::span<const Reducer> library_rows(const Reducer*) { return reducers(); }

bool is_complete(const Operation& row) {
  return row.operands >= 1 && row.operands <= kMaxOperands && row.result != nullptr && row.run != nullptr;
}
bool is_complete(const Reducer& row) {
  return row.operands >= 1 && row.operands <= 2 && row.result != nullptr && row.words != nullptr &&
         row.start != nullptr && row.add != nullptr && row.merge != nullptr && row.finish != nullptr;
}

}  // namespace

template <typename Row>
RowTable<Row>::RowTable() {
  for (const Row& row : library_rows(static_cast<const Row*>(nullptr))) rows_.push_back(&row);
}

template <typename Row>
void RowTable<Row>::add(const Row& row) {
  if (row.name.empty() || !is_complete(row))
    throw Error(ErrorCode::plan, fmt::format("the row '{}' is not complete", row.name));
  if (find(row.name) != nullptr) throw Error(ErrorCode::plan, fmt::format("there is a row '{}' already", row.name));
  rows_.push_back(&row);
}

template <typename Row>
const Row* RowTable<Row>::find(std::string_view name) const {
  const auto found = std::ranges::find(rows_, name, [](const Row* row) { return row->name; });
  return found == rows_.end() ? nullptr : *found;
}

template class RowTable<Operation>;
template class RowTable<Reducer>;

}  // namespace brainsurgery
