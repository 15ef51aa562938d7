// How much products of low rank keep of the matrices that they stand for.
//
//   KeptEnergy kept("lora_extract", policy);
//   kept.add("q_proj", truncated(matrix, choice));
//   std::move(kept).report(plan);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "brainsurgery/query_scope.h"
#include "brainsurgery/schema.h"
#include "merging/rounding_loss.h"
#include "merging/truncation.h"

namespace brainsurgery::merging {

struct KeptPolicy {
  std::optional<double> wanted = {};  // of each matrix's sum of squares
  OnLoss on_loss = OnLoss::warn;      // where the largest rank keeps less
  bool table = false;                 // print kinds of modules with ranks and errors
};

class KeptEnergy {
 public:
  KeptEnergy(std::string step, KeptPolicy policy) : step_(std::move(step)), policy_(policy) {}

  void add(const std::string& kind, const Truncated& product);
  // Queues what is to be said once the numbers are known.
  void report(QueryScope& plan) &&;

 private:
  std::string step_;
  KeptPolicy policy_;
  std::vector<std::string> kinds_;
  std::vector<Expr> numbers_;  // three for each
};

template <typename Spec>
void add_kept_fields(SchemaBuilder<Spec>& schema, KeptPolicy Spec::*policy) {
  schema
      .custom("on_loss", choice_of({"warn", "fail", "ignore"}),
              [=](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                if (const auto index = decoder.choice(value)) (spec.*policy).on_loss = static_cast<OnLoss>(*index);
              })
      .defaults_to("warn")
      .doc("What happens where the largest rank keeps less than energy or error ask for.");
  schema
      .custom("report", scalar(Scalar::boolean),
              [=](const YamlNode& value, const FieldDecoder& decoder, Spec& spec) {
                if (const auto table = decoder.boolean(value)) (spec.*policy).table = *table;
              })
      .defaults_to("false")
      .doc("Prints, for each kind of module, the ranks that are kept and the error.");
}

}  // namespace brainsurgery::merging
