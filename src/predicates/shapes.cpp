// shape, dimensions, dtype: what headers say.
#include <fmt/format.h>

#include "predicates/bounds.h"
#include "predicates/families.h"
#include "predicates/measured.h"

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

struct SameShapeSpec {
  TensorRef left, right;
};

CheckPtr same_shape(const FoundTensor& left, const FoundTensor& right) {
  return decided(left.expr.shape() == right.expr.shape(), [&] {
    return fmt::format("{} and {} have shapes {} and {}", left.label(), right.label(), to_string(left.expr.shape()),
                       to_string(right.expr.shape()));
  });
}

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
      return decided(tensor.expr.shape() == spec.is, [&] {
        return fmt::format("{} has shape {}, expected {}", tensor.label(), to_string(tensor.expr.shape()),
                           to_string(spec.is));
      });
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
      return decided(spec.holds(rank), [&] {
        return fmt::format("{} has {} dimensions, expected {}", tensor.label(), rank, to_string(spec));
      });
    });
  }));

  SchemaBuilder<DtypeSpec> dtype("dtype", {"Every match has this dtype.", "Counts one read of each match.",
                                           "assert: {dtype: {of: '.+', is: float32}}"});
  dtype.reference(&DtypeSpec::of, "of", roles::source()).doc("The reference.");
  dtype.field(&DtypeSpec::is, "is").require().doc("The dtype.");
  registry.add(make_predicate<DtypeSpec>(dtype, [](const DtypeSpec& spec, NameScope& names) {
    return for_every_match(spec.of, names, true, [&spec](const FoundTensor& tensor) {
      return decided(is_readable(tensor.expr) && tensor.expr.dtype() == spec.is, [&] {
        return fmt::format("{} has dtype {}, expected {}", tensor.label(), form_of(tensor.expr), to_string(spec.is));
      });
    });
  }));

  SchemaBuilder<SameShapeSpec> same(
      "same_shape", {"Two tensors have the same shape.",
                     "Whatever their dtypes are. Of sliced references the shapes of the parts. Counts one read of each "
                     "side.",
                     "assert: {same_shape: {left: 'h\\.0\\.(.+)', right: 'h.1.\\1'}}"});
  same.called_elsewhere({"shapes_equal", "equal_shapes", "shape_equal", "same_size", "shape_like"});
  same.reference(&SameShapeSpec::left, "left", roles::source()).doc("One side; its pattern names the other.");
  same.reference(&SameShapeSpec::right, "right", roles::paired_source()).doc("The other side.");
  registry.add(make_predicate<SameShapeSpec>(same, [](const SameShapeSpec& spec, NameScope& names) {
    return for_every_pair(spec.left, spec.right, names, same_shape);
  }));
}

}  // namespace brainsurgery
