#include "merging/merge_row.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "merging/equal_tensors.h"

namespace brainsurgery::merging {
namespace {

[[noreturn]] void refuse(std::string message, std::vector<std::string> notes = {}) {
  throw Error(ErrorCode::plan, std::move(message), {}, std::move(notes));
}

// The tensors of a row; `models` may lack some.
struct Tensors {
  const Operand* base = nullptr;
  std::vector<const Operand*> models, statistics;
  std::vector<std::size_t> numbers;  // of the models, in the order of the plan
  std::vector<std::string> lacking;  // aliases that have no such tensor

  [[nodiscard]] const Operand& first() const { return base == nullptr ? *models.front() : *base; }
  [[nodiscard]] std::vector<const Operand*> all() const {
    std::vector<const Operand*> all;
    if (base != nullptr) all.push_back(base);
    all.insert(all.end(), models.begin(), models.end());
    all.insert(all.end(), statistics.begin(), statistics.end());
    return all;
  }
};

Tensors tensors_of(const MergeSpec& spec, const Row& row) {
  Tensors tensors;
  if (spec.base) tensors.base = &row.operands.front().front();
  const std::vector<Operand>& models = row.operands.back();
  const std::size_t beside = spec.method->needs_statistics ? 2 : 1;  // operands of a model
  for (std::size_t i = 0; i < models.size(); i += beside) {
    const bool is_there = models[i].expr && models[i + beside - 1].expr;
    if (!is_there) {
      tensors.lacking.push_back((models[i].expr ? models[i + beside - 1] : models[i]).alias);
      continue;
    }
    tensors.models.push_back(&models[i]);
    if (beside == 2) tensors.statistics.push_back(&models[i + 1]);
    tensors.numbers.push_back(i / beside);
  }
  return tensors;
}

// The dtype that holds the values of both.
DType promoted(DType a, DType b) {
  if (a == b) return a;
  if (info(a).bits == info(b).bits) return DType::F32;  // bfloat16 and float16
  return info(a).bits > info(b).bits ? a : b;
}

DType promoted(const std::vector<const Operand*>& tensors) {
  DType dtype = tensors.front()->expr.dtype();
  for (const Operand* tensor : tensors) dtype = promoted(dtype, tensor->expr.dtype());
  return dtype;
}

// What tensors become before and while they are merged, and the result after it.
struct Dtypes {
  DType read, computing, written;
};

DType wide(DType dtype) { return dtype == DType::F64 ? DType::F64 : DType::F32; }

Dtypes dtypes_of(const MergeSpec& spec, const Tensors& tensors) {
  const DType all = promoted(tensors.all());
  if (spec.consistency == Consistency::mergekit) {
    const DType read = spec.in.value_or(all);
    return {read, spec.method->wide_in_mergekit ? wide(read) : read, spec.dtype.value_or(read)};
  }
  const DType computing = spec.in.value_or(wide(all));
  return {computing, computing, spec.dtype.value_or(tensors.first().expr.dtype())};
}

double value_of(const MergeSpec& spec, std::string_view parameter, std::string_view tensor, const ModelSpec* model) {
  for (const ParameterValues* values : {model == nullptr ? nullptr : &model->values, &spec.values}) {
    const auto found = values == nullptr ? spec.values.end() : values->find(parameter);
    if (values == nullptr || found == values->end()) continue;
    if (const std::optional<double> value = found->second.at(tensor)) return *value;
  }
  const auto own = std::ranges::find(spec.method->parameters, parameter, &MethodParameter::name);
  BS_CHECK(own != spec.method->parameters.end());
  if (spec.consistency == Consistency::mergekit && own->in_mergekit) return *own->in_mergekit;
  if (own->otherwise) return *own->otherwise;
  refuse(fmt::format("method {} needs '{}', and there is no value of it for {}", spec.method->name, parameter, tensor));
}

MergeInputs inputs_of(const MergeSpec& spec, const Row& row, const Tensors& tensors, const Dtypes& dtypes,
                      const std::function<Expr(const Operand&)>& part) {
  const auto prepared = [&](const Operand& operand) { return cast(cast(part(operand), dtypes.read), dtypes.computing); };
  MergeInputs inputs;
  inputs.consistency = spec.consistency;
  if (tensors.base != nullptr) inputs.base = prepared(*tensors.base);
  for (const Operand* model : tensors.models) inputs.models.push_back(prepared(*model));
  for (const Operand* beside : tensors.statistics) inputs.statistics.push_back(prepared(*beside));
  inputs.shared = [&spec, target = row.target](std::string_view name) { return value_of(spec, name, target, nullptr); };
  inputs.of_model = [&spec, &tensors](std::string_view name, std::size_t model) {
    return value_of(spec, name, tensors.models[model]->name, &spec.models[tensors.numbers[model]]);
  };
  inputs.draws = [&spec, &row, &tensors](std::size_t model) {
    const auto place = static_cast<std::uint64_t>(tensors.numbers[model]);
    return CounterSeed{static_cast<std::uint64_t>(spec.seed) | place << 32, row.key()};
  };
  return inputs;
}

Expr by_method(const MergeSpec& spec, const Row& row, const Tensors& tensors,
               const std::function<Expr(const Operand&)>& part) {
  const Dtypes dtypes = dtypes_of(spec, tensors);
  const MergeInputs inputs = inputs_of(spec, row, tensors, dtypes, part);
  return cast(cast(spec.method->lower(inputs), dtypes.read), dtypes.written);
}

Expr whole(const Operand& operand) { return operand.expr; }

// The first tensor as it is, in the dtype of the result.
Expr copied(const MergeSpec& spec, const Tensors& tensors) {
  const Expr& first = tensors.first().expr;
  return is_floating(first.dtype()) ? cast(first, dtypes_of(spec, tensors).written) : first;
}

// What all tensors have, counted from the first element.
Expr aligned(const MergeSpec& spec, const Row& row, const Tensors& tensors) {
  Region region;
  const Shape& shape = tensors.first().expr.shape();
  for (std::size_t dim = 0; dim < shape.size(); ++dim) {
    std::int64_t size = shape[dim];
    for (const Operand* tensor : tensors.all()) {
      if (tensor->expr.shape().size() != shape.size()) return Expr();
      size = std::min(size, tensor->expr.shape()[dim]);
    }
    region.axes.push_back({0, size, 1, false});
  }
  const auto part = [&region](const Operand& operand) { return slice(operand.expr, region); };
  return overwrite(copied(spec, tensors), region, by_method(spec, row, tensors, part));
}

Expr written_as(const Row& row, Expr result, RowOutcome outcome) {
  row.tell(std::move(outcome));
  return result;
}

std::string shapes_text(const Tensors& tensors) {
  std::vector<std::string> shapes;
  for (const Operand* tensor : tensors.all()) shapes.push_back(fmt::format("{} {}", tensor->alias, to_string(tensor->expr.shape())));
  return fmt::format("shapes differ: {}", fmt::join(shapes, ", "));
}

Expr mismatched(const MergeSpec& spec, const Row& row, const Tensors& tensors) {
  const std::string why = shapes_text(tensors);
  switch (spec.on_mismatch) {
    case OnMismatch::copy:
      return written_as(row, copied(spec, tensors), {"copied", why});
    case OnMismatch::skip:
      return written_as(row, Expr(), {"skipped", why});
    case OnMismatch::align:
      if (Expr result = aligned(spec, row, tensors)) return written_as(row, std::move(result), {"merged in part", why});
      [[fallthrough]];
    case OnMismatch::fail:
      break;
  }
  refuse(why, {"on_mismatch: copy takes the first one, skip none, align merges what all of them have"});
}

Expr missing(const MergeSpec& spec, const Row& row, const Tensors& tensors) {
  const std::vector<std::string>& models = tensors.lacking;
  const std::string why = fmt::format("{} {} it", fmt::join(models, " and "), models.size() == 1 ? "lacks" : "lack");
  const bool has_first = tensors.base != nullptr || !tensors.models.empty();
  if (spec.on_missing == OnMissing::copy && has_first) return written_as(row, copied(spec, tensors), {"copied", why});
  if (spec.on_missing == OnMissing::skip) return written_as(row, Expr(), {"skipped", why});
  refuse(fmt::format("{} {} this tensor", fmt::join(models, " and "), models.size() == 1 ? "lacks" : "lack"),
         {"on_missing: copy takes the first one, skip none, others merges those that are there",
          "a model with tied weights has one of them alone: a step of its own can read the other, as in of: "
          "'a::model.embed_tokens.weight'"});
}

Expr equal_in_all(const Row& row, const Tensors& tensors) {
  Expr result = tensors.first().expr;
  for (const Operand* tensor : tensors.all()) {
    if (tensor->expr.desc() != result.desc()) {
      refuse(fmt::format("tensors that are not floats must be equal in all models: {} has {} {}, {} has {} {}",
                         tensors.first().alias, to_string(tensors.first().expr.dtype()), to_string(tensors.first().expr.shape()),
                         tensor->alias, to_string(tensor->expr.dtype()), to_string(tensor->expr.shape())),
             {"'except' leaves the tensor out; copy takes it from one model"});
    }
    if (tensor->expr != tensors.first().expr) result = required_equal(result, tensor->expr);
  }
  return written_as(row, std::move(result), {"copied", "it is of integers, and must be equal in all models"});
}

void require_plain_floats(const Tensors& tensors) {
  for (const Operand* tensor : tensors.all()) {
    const DType dtype = tensor->expr.dtype();
    if (is_floating(dtype) && info(dtype).bits > 8) continue;
    refuse(fmt::format("{}::{} is {}, which cannot be merged", tensor->alias, tensor->name, to_string(dtype)),
           {is_floating(dtype) ? "8-bit floats mean nothing without their scales: multiply them first, as with compute"
                               : "the others are floats"});
  }
}

}  // namespace

Expr merged(const MergeSpec& spec, const Row& row) {
  const Tensors tensors = tensors_of(spec, row);
  const bool enough = tensors.models.size() >= std::max<std::size_t>(spec.method->least, 1);
  if (!tensors.lacking.empty() && (spec.on_missing != OnMissing::others || !enough)) return missing(spec, row, tensors);
  const std::vector<const Operand*> all = tensors.all();
  const auto is_float = [](const Operand* tensor) { return is_floating(tensor->expr.dtype()); };
  if (std::ranges::none_of(all, is_float)) return equal_in_all(row, tensors);
  require_plain_floats(tensors);
  const Shape& shape = tensors.first().expr.shape();
  if (std::ranges::any_of(all, [&](const Operand* tensor) { return tensor->expr.shape() != shape; }))
    return mismatched(spec, row, tensors);
  return written_as(row, by_method(spec, row, tensors, whole), {"merged"});
}

}  // namespace brainsurgery::merging
