// What rounding to a narrow dtype takes away from a change of weights: those that stay as they were although they should
// have moved, and the error of the change as a whole.
//
//   RoundingLoss loss("lora_merge", policy);
//   loss.add("q_proj", before, exact, rounded);      // for each tensor, or part of one
//   loss.report(plan);
#pragma once

#include <map>
#include <string>
#include <vector>

#include "brainsurgery/expr.h"
#include "brainsurgery/query_scope.h"
#include "brainsurgery/schema.h"

namespace brainsurgery::merging {

enum class OnLoss { warn, fail, ignore };

struct LossPolicy {
  OnLoss on_loss = OnLoss::warn;
  double most = 0.5;   // of the weights that should move, those that may stay
  bool table = false;  // print kinds with errors, which takes a pass of its own
};

class RoundingLoss {
 public:
  RoundingLoss(std::string step, LossPolicy policy) : step_(std::move(step)), policy_(policy) {}

  // `before` and `rounded` in the dtype of the model, `exact` in that of the computation; all of one shape.
  void add(const std::string& kind, const Expr& before, const Expr& exact, const Expr& rounded);
  // Queues what is to be said once the numbers are known.
  void report(QueryScope& plan) &&;

 private:
  // Numbers of one part, as they stand in what is asked for.
  struct Part {
    std::string kind;
    std::int64_t elements;
  };

  std::string step_;
  LossPolicy policy_;
  std::vector<Part> parts_;
  std::vector<Expr> numbers_;  // for each part: how many should move, how many do; and for a table the squares of
                               // errors and of changes
};

template <typename Spec>
void add_loss_fields(SchemaBuilder<Spec>& schema, LossPolicy Spec::*policy) {
  const auto field = [&](std::string name, FieldTypePtr type, auto decode) -> Field& {
    return schema.custom(std::move(name), std::move(type),
                         [=](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                           decode(value, decoder, spec.*policy);
                         });
  };
  field("on_loss", choice_of({"warn", "fail", "ignore"}),
        [](const YamlNode& value, const FieldDecoder& decoder, LossPolicy& loss) {
          if (const auto index = decoder.choice(value)) loss.on_loss = static_cast<OnLoss>(*index);
        })
      .defaults_to("warn")
      .doc("What happens where rounding to bfloat16 or float16 leaves more weights unmoved than max_loss allows.");
  field("max_loss", scalar(Scalar::number),
        [](const YamlNode& value, const FieldDecoder& decoder, LossPolicy& loss) {
          if (const auto number = decoder.number(value)) loss.most = *number;
        })
      .defaults_to("0.5")
      .doc("The share of the weights that change which may stay as they were.");
  field("report", scalar(Scalar::boolean),
        [](const YamlNode& value, const FieldDecoder& decoder, LossPolicy& loss) {
          if (const auto table = decoder.boolean(value)) loss.table = *table;
        })
      .defaults_to("false")
      .doc("Prints, for each kind of module, the weights that did not move and the relative error of the change.");
}

}  // namespace brainsurgery::merging
