// zeroes, ones, rand: new tensors.
#include <fmt/format.h>

#include <algorithm>

#include "transforms/families.h"
#include "transforms/numbers.h"

namespace brainsurgery {
namespace {

struct CreateSpec : DrawSpec {
  TensorRef target;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<DType> dtype;
  std::optional<TensorRef> like;
};

std::optional<FieldProblem> problem_of_shape(const CreateSpec& spec) {
  if (!spec.shape) return std::nullopt;
  if (spec.like) return FieldProblem{"like", "the sizes are those of 'shape'; name one of the two"};
  const auto bad = std::ranges::find_if(*spec.shape, [](std::int64_t size) { return size <= 0; });
  if (bad != spec.shape->end()) return FieldProblem{"shape", fmt::format("sizes must be positive, found {}", *bad)};
  return std::nullopt;
}

TensorDesc desc_of(const CreateSpec& spec, const Row& row) {
  if (!spec.like) return {spec.dtype.value_or(DType::F32), *spec.shape};
  const TensorDesc& like = row.one(0).desc();
  return {spec.dtype.value_or(like.dtype), like.shape};
}

SchemaBuilder<CreateSpec> describe(std::string name, std::string summary, std::string example) {
  SchemaBuilder<CreateSpec> schema(
      std::move(name),
      {std::move(summary), "One tensor, in the model that its name says. Sizes are positive.", std::move(example)});
  schema.reference(&CreateSpec::target, "target", roles::created_literal()).doc("The new name.");
  schema.field(&CreateSpec::shape, "shape").doc("The sizes.");
  schema.field(&CreateSpec::dtype, "dtype").defaults_to("that of `like`, else float32").doc("The element type.");
  schema.reference(&CreateSpec::like, "like", roles::literal_source())
      .doc("The tensor whose shape and dtype are used.");
  schema.needs_one_of({"shape", "like"});
  return schema;
}

Step constant(std::string name, std::int64_t value, std::string summary, std::string example) {
  SchemaBuilder<CreateSpec> schema = describe(std::move(name), std::move(summary), std::move(example));
  schema.check(problem_of_shape);
  return make_edit<CreateSpec>(schema, [value](const CreateSpec& spec, const Row& row) {
    return std::vector{filled(desc_of(spec, row), ExactNumber{static_cast<double>(value), value})};
  });
}

}  // namespace

void add_create(StepRegistry& registry) {
  registry.add(constant("zeroes", 0, "Creates a tensor of zeros.", "zeroes: {target: 'lm_head.bias', shape: [96]}"));
  registry.add(constant("ones", 1, "Creates a tensor of ones.", "ones: {target: 'norm.weight', shape: [32]}"));

  SchemaBuilder<CreateSpec> schema =
      describe("rand", "Creates a tensor of random values.",
               "rand: {target: 'adapter.weight', shape: [4, 4], distribution: normal, std: 0.02, seed: 1}");
  add_draw_fields(schema);
  schema.check([](const CreateSpec& spec) {
    std::optional<FieldProblem> problem = problem_of_shape(spec);
    return problem ? problem : problem_of_draw(spec);
  });
  registry.add(make_edit<CreateSpec>(schema, [](const CreateSpec& spec, const Row& row) {
    return std::vector{drawn(desc_of(spec, row), spec, row)};
  }));
}

}  // namespace brainsurgery
