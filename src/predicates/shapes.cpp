// shape, dimensions, dtype: what headers say.
#include <fmt/format.h>

#include "predicates/bounds.h"
#include "predicates/families.h"

namespace brainsurgery {
namespace {

struct ShapeSpec {
  TensorRef of;
  std::vector<std::int64_t> is;
};

struct DimensionsSpec : Bounds {
  TensorRef of;
};

struct DtypeSpec {
  TensorRef of;
  DType is = DType::F32;
};

}  // namespace

void add_shapes(PredicateRegistry& registry) {
  SchemaBuilder<ShapeSpec> shape(
      "shape",
      {"Every match has this shape.", "Of a sliced reference the shape of the part. Counts one read of each match.",
       "assert: {shape: {of: 'wte.weight', is: [96, 32]}}"});
  shape.called_elsewhere({"size"});
  shape.reference(&ShapeSpec::of, "of", roles::source()).doc("The reference.");
  shape.field(&ShapeSpec::is, "is").require().doc("The shape; [] for a scalar.");
  registry.add(make_predicate<ShapeSpec>(shape, [](const ShapeSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true, [&spec](const FoundTensor& tensor) {
      return decided(tensor.expr.shape() == spec.is, fmt::format("{} has shape {}, expected {}", tensor.label(),
                                                                 to_string(tensor.expr.shape()), to_string(spec.is)));
    });
  }));

  SchemaBuilder<DimensionsSpec> dimensions(
      "dimensions", {"Every match has the given number of dimensions.", "Counts one read of each match.",
                     "assert: {dimensions: {of: '.+\\.weight', ge: 1, le: 2}}"});
  dimensions.called_elsewhere({"ndim", "dim", "dims", "rank"});
  dimensions.reference(&DimensionsSpec::of, "of", roles::source()).doc("The reference.");
  add_bounds_fields(dimensions, false);
  registry.add(make_predicate<DimensionsSpec>(dimensions, [](const DimensionsSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true, [&spec](const FoundTensor& tensor) {
      const std::int64_t rank = std::ssize(tensor.expr.shape());
      return decided(spec.holds(rank),
                     fmt::format("{} has {} dimensions, expected {}", tensor.label(), rank, to_string(spec)));
    });
  }));

  SchemaBuilder<DtypeSpec> dtype("dtype", {"Every match has this dtype.", "Counts one read of each match.",
                                           "assert: {dtype: {of: '.+', is: float32}}"});
  dtype.reference(&DtypeSpec::of, "of", roles::source()).doc("The reference.");
  dtype.field(&DtypeSpec::is, "is").require().doc("The dtype.");
  registry.add(make_predicate<DtypeSpec>(dtype, [](const DtypeSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true, [&spec](const FoundTensor& tensor) {
      return decided(is_readable(tensor.expr) && tensor.expr.dtype() == spec.is,
                     fmt::format("{} has dtype {}, expected {}", tensor.label(), form_of(tensor.expr),
                                 to_string(spec.is)));
    });
  }));
}

}  // namespace brainsurgery
