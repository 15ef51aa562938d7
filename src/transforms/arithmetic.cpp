// Steps that are one elementwise operation: of two tensors into a third (add), of one into its partner (add_), and of a
// tensor in place (negate_).
#include <fmt/format.h>

#include <algorithm>

#include "brainsurgery/error.h"
#include "plan/yaml_tree.h"
#include "transforms/families.h"

namespace brainsurgery {
namespace {

// How the operands of one operation are brought together.
struct Joining {
  bool broadcast = false;
  std::optional<DType> in;
};

struct BinarySpec : Joining {
  TensorRef from, to;
};

struct TernarySpec : Joining {
  TensorRef from_a, from_b, to;
};

struct UnarySpec {
  TensorRef target;
};

// The examples of binary steps work on two models of one architecture.
constexpr const char* kSecondModel = "- load: {path: tiny_gpt2.safetensors, alias: tuned}";

constexpr const char* kRules =
    "Shapes, after slicing, must be equal unless `broadcast` is true, and dtypes unless `in` says in which dtype to "
    "compute. Types below 32 bits are computed in float32 and rounded once; integers wrap.";
constexpr const char* kOfBool = "Of bool, a sum is 'or', a product is 'and', and a difference is refused.";
constexpr const char* kOfFloats = "Only floating dtypes have quotients. A division by zero gives infinity or NaN.";

template <typename Spec>
void add_joining(SchemaBuilder<Spec>& schema) {
  schema.field(static_cast<bool Spec::*>(&Joining::broadcast), "broadcast")
      .defaults_to("false")
      .doc("Repeat operands along dimensions of size 1 and along leading ones, by PyTorch's rules.");
  schema.field(static_cast<std::optional<DType> Spec::*>(&Joining::in), "in")
      .doc("Convert the operands to this dtype, compute, and round once to the dtype of the destination.");
}

// By PyTorch's rules: aligned at the last dimension, sizes are equal or one of them is 1.
bool can_broadcast(const Shape& a, const Shape& b) {
  const std::size_t common = std::min(a.size(), b.size());
  return std::equal(a.end() - static_cast<std::ptrdiff_t>(common), a.end(),
                    b.end() - static_cast<std::ptrdiff_t>(common),
                    [](std::int64_t one, std::int64_t other) { return one == other || one == 1 || other == 1; });
}

// The operands in the order of the keys, which is that of messages.
void require_alike(const Row& row, const Joining& how) {
  const Expr &first = row.one(0), &second = row.one(1);
  const auto refuse = [](const char* what, const auto& one, const auto& other, std::vector<std::string> notes) {
    throw Error(ErrorCode::plan, fmt::format("{} differ: {} and {}", what, to_string(one), to_string(other)), {},
                std::move(notes));
  };
  if (!how.broadcast && first.shape() != second.shape()) {
    std::vector<std::string> notes;
    if (can_broadcast(first.shape(), second.shape()))
      notes.emplace_back("'broadcast: true' repeats the smaller one along the missing dimensions");
    refuse("shapes", first.shape(), second.shape(), std::move(notes));
  }
  if (!how.in && first.dtype() != second.dtype())
    refuse("dtypes", first.dtype(), second.dtype(), {"'in: float32' converts both, computes in float32 and rounds once"});
}

Expr combined(const Operation& operation, const Joining& how, const Expr& a, const Expr& b, DType result) {
  if (!how.in) return map(operation, {a, b});
  return cast(map(operation, {cast(a, *how.in), cast(b, *how.in)}), result);
}

struct Words {
  std::string summary, example;
  const char* rules = kOfBool;
  std::vector<std::string> elsewhere = {};  // names that other tools give to the step
};

Step into_existing(std::string name, const Operation& operation, const Words& words,
                   const std::string& setup = kSecondModel) {
  SchemaBuilder<TernarySpec> schema(
      std::move(name),
      {words.summary,
       fmt::format("The destination exists before and may be one of the sources. {} {}", kRules, words.rules),
       words.example, setup});
  schema.called_elsewhere(words.elsewhere);
  schema.reference(&TernarySpec::from_a, "from_a", roles::source())
      .doc("The first operand; its pattern names the others.");
  schema.reference(&TernarySpec::from_b, "from_b", roles::paired_source()).doc("The second operand.");
  schema.reference(&TernarySpec::to, "to", roles::updated()).doc("The existing tensor that takes the result.");
  add_joining(schema);
  return make_edit<TernarySpec>(schema, [&operation](const TernarySpec& spec, const Row& row) {
    const Expr &a = row.one(0), &b = row.one(1), &to = row.one(2);
    require_alike(row, spec);
    return std::vector{combined(operation, spec, a, b, to.dtype())};
  });
}

// `to` is the first operand.
Step into_second(std::string name, const Operation& operation, const Words& words,
                 const std::string& setup = kSecondModel) {
  SchemaBuilder<BinarySpec> schema(std::move(name),
                                   {words.summary, fmt::format("{} {}", kRules, words.rules), words.example, setup});
  schema.called_elsewhere(words.elsewhere);
  schema.reference(&BinarySpec::from, "from", roles::source()).doc("The operand.");
  schema.reference(&BinarySpec::to, "to", roles::updated()).doc("The existing tensor that is changed.");
  add_joining(schema);
  return make_edit<BinarySpec>(schema, [&operation](const BinarySpec& spec, const Row& row) {
    const Expr &from = row.one(0), &to = row.one(1);
    require_alike(row, spec);
    return std::vector{combined(operation, spec, to, from, to.dtype())};
  });
}

Step in_place(std::string name, const Operation& operation, std::string summary, std::string details,
              std::string example) {
  SchemaBuilder<UnarySpec> schema(std::move(name), {std::move(summary), std::move(details), std::move(example)});
  schema.reference(&UnarySpec::target, "target", roles::in_place()).doc("The tensors that are changed.");
  return make_edit<UnarySpec>(schema, [&operation](const UnarySpec&, const Row& row) {
    return std::vector{map(operation, {row.one(0)})};
  });
}

void add_binary(StepRegistry& registry) {
  registry.add(into_existing("add", operation("add"),
                             {"Adds two tensors into a third that exists.",
                              "add: {from_a: 'tuned::(.+)', from_b: 'model::\\1', to: 'tuned::\\1'}"}));
  registry.add(into_second("add_", operation("add"),
                           {"Adds one tensor to another.", "add_: {from: 'tuned::(.+)', to: 'model::\\1'}"}));
  registry.add(into_existing("subtract", operation("subtract"),
                             {"Writes the difference of two tensors to a third that exists.",
                              "subtract: {from_a: 'tuned::(.+)', from_b: 'model::\\1', to: 'tuned::\\1'}", kOfBool,
                              {"sub"}}));
  registry.add(into_second(
      "subtract_", operation("subtract"),
      {"Subtracts one tensor from another.", "subtract_: {from: 'model::(.+)', to: 'tuned::\\1'}", kOfBool, {"sub_"}}));
  registry.add(into_existing(
      "multiply", operation("multiply"),
      {"Multiplies two tensors element by element into a third that exists.",
       "multiply: {from_a: 'h\\.(\\d+)\\.ln_1\\.weight', from_b: 'h.\\1.ln_2.weight', to: 'h.\\1.ln_1.weight'}",
       kOfBool, {"mul"}},
      ""));
  registry.add(into_second(
      "multiply_", operation("multiply"),
      {"Multiplies a tensor by another, element by element.",
       "multiply_: {from: 'h\\.(\\d+)\\.ln_2\\.weight', to: 'h.\\1.mlp.c_proj.weight', broadcast: true, in: float32}",
       kOfBool,
       {"mul_"}},
      ""));
  registry.add(into_existing("divide", operation("divide"),
                             {"Divides one tensor by another, element by element, into a third that exists.",
                              "divide: {from_a: 'tuned::(.+\\.weight)', from_b: 'model::\\1', to: 'tuned::\\1'}",
                              kOfFloats, {"div", "truediv"}}));
  registry.add(into_second(
      "divide_", operation("divide"),
      {"Divides a tensor by another, element by element.",
       "divide_: {from: 'h\\.(\\d+)\\.ln_2\\.weight', to: 'h.\\1.mlp.c_proj.weight', broadcast: true}", kOfFloats,
       {"div_", "truediv_"}},
      ""));
}

void add_unary(StepRegistry& registry) {
  constexpr const char* kNegate = "negate_";
  registry.add(in_place(kNegate, operation("negate"), "Changes the sign of tensors.", "Integers wrap; bool is refused.",
                        "negate_: {target: 'h\\.\\d+\\.mlp\\.c_proj\\.weight'}")
                   .undone_by([](const WrittenStep& written) {
                     return UndoingStep{kNegate, written.payload.shared_from_this()};
                   }));
  registry.add(in_place("round_", operation("round"), "Rounds the values of tensors to integral ones.",
                        "To the nearest, and to the even one where two are equally near. The dtype is kept, and "
                        "integers stay as they are; bool is refused.",
                        "round_: {target: 'wpe\\.weight'}"));
  registry.add(in_place("reciprocal_", operation("reciprocal"),
                        "Replaces the values of tensors by one divided by them.", kOfFloats,
                        "reciprocal_: {target: 'h\\.\\d+\\.ln_1\\.weight'}"));
  registry.add(in_place("sqrt_", operation("sqrt"), "Replaces the values of tensors by their square roots.",
                        "The root is correctly rounded; that of a negative number is NaN. Only floating dtypes have "
                        "roots.",
                        "sqrt_: {target: 'h\\.\\d+\\.ln_1\\.weight'}"));
}

}  // namespace

void add_arithmetic(StepRegistry& registry) {
  add_binary(registry);
  add_unary(registry);
}

}  // namespace brainsurgery
