// What the operators that measure values share: conditions on reductions of tensors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/predicate.h"

namespace brainsurgery {

// A condition that every element has to meet.
struct ElementCondition {
  Expr good;                // bool: whether an element meets it
  std::string failure;      // "model::w is not finite"
  std::string one, many;    // "is NaN or infinite", "are NaN or infinite": of those that do not
  std::vector<Expr> shown;  // of the shape of `good`: their elements at the first of these places end the message
};
[[nodiscard]] CheckPtr every_element(ElementCondition condition);

// A tensor with one element, in row-major order, of the given number.
[[nodiscard]] Expr element_at(const Expr& tensor, std::int64_t place);
// "[2, 17]", "[]" of a scalar.
[[nodiscard]] std::string index_text(const Shape& shape, std::int64_t place);
// "2.5", "17"
[[nodiscard]] std::string text_of(const Number& number);
[[nodiscard]] double double_of(const Number& number);

// A scalar of the dtype F64.
[[nodiscard]] Expr constant(double value);

// |value - is| <= eps + rtol * |is|; without either: exactly.
struct Tolerance {
  std::optional<double> eps, rtol;

  [[nodiscard]] bool allows(const Number& value, const ExactNumber& is) const;
  [[nodiscard]] bool is_given() const { return eps || rtol; }
};
// " within eps 0.5 and rtol 0.01"; empty without a tolerance.
[[nodiscard]] std::string to_string(const Tolerance& tolerance);
// Negative numbers and NaN.
[[nodiscard]] std::optional<FieldProblem> problem_of_tolerance(const char* name, const std::optional<double>& value);
[[nodiscard]] std::optional<FieldProblem> problem_of(const Tolerance& tolerance);

template <typename Spec>
void add_tolerance_fields(SchemaBuilder<Spec>& schema, const char* eps, const char* rtol) {
  using Member = std::optional<double> Spec::*;
  schema.field(static_cast<Member>(&Tolerance::eps), "eps").doc(eps);
  schema.field(static_cast<Member>(&Tolerance::rtol), "rtol").doc(rtol);
}

// "3.0", "3.0 within eps 0.5"
[[nodiscard]] std::string expected_text(const ExactNumber& is, const Tolerance& tolerance);

// The condition of `each` on every match, which counts as a read and whose dtype computes.
[[nodiscard]] CheckPtr for_every_number(const std::string& name, const TensorRef& ref, NameScope& names,
                                        const std::function<CheckPtr(const FoundTensor&)>& each);
// The mistake of a tensor whose elements are no numbers that `name` knows; nullptr: they are.
[[nodiscard]] CheckPtr mistake_of_dtype(const std::string& name, const FoundTensor& tensor);

// The condition of `each` on every match of `left` and the tensor that `right` names, each of which counts as a read.
[[nodiscard]] CheckPtr for_every_pair(const TensorRef& left, const TensorRef& right, NameScope& names,
                                      const std::function<CheckPtr(const FoundTensor&, const FoundTensor&)>& each);

// |left - right| <= atol + rtol * |right| everywhere, in float64. Both have one shape.
struct Closeness {
  double rtol = 1e-5, atol = 1e-8;
  bool equal_nan = false;
};
[[nodiscard]] CheckPtr close_everywhere(const FoundTensor& left, const FoundTensor& right, const Closeness& closeness,
                                        std::string failure);

}  // namespace brainsurgery
