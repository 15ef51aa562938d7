// From expressions to programs. Slices, permutations and reshapes disappear into the places where bytes are read,
// chains of elementwise operations become one program, and what needs a whole tensor becomes a Materialization.
//
//   Compiler compiler({});
//   CompiledTensor tensor = compiler.compile(expr);
//   // tensor.needs name compiler.materializations()
#pragma once

#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "planner/counted_divisions.h"
#include "planner/narrowing.h"
#include "planner/program.h"
#include "planner/passing_reductions.h"
#include "planner/reductions.h"

namespace brainsurgery {

struct CompileOptions {
  bool fuse = true;  // false: every operation makes a whole tensor; slower, same bytes (for tests)
  const PassingReductions* passing = nullptr;  // those that programs should have taps for; they outlive the compiler
};

class Compiler {
 public:
  explicit Compiler(CompileOptions options) : options_(options) {}

  [[nodiscard]] CompiledTensor compile(const Expr& expr);
  // From now on programs have taps for these; they must outlive it.
  void tap(const PassingReductions* passing) { options_.passing = passing; }
  // From now on the reduction has the value, a literal, and is not made.
  void know(const Expr& reduction, Expr value);
  // By buffer number; each needs only lower ones.
  [[nodiscard]] const std::vector<Materialization>& materializations() const { return materializations_; }

 private:
  friend class ProgramBuilder;

  void materialize_deep_parts(const Expr& expr);
  [[nodiscard]] BufferPlace materialize(const Expr& expr);
  [[nodiscard]] Expr stretch_of(const Expr& expr);
  [[nodiscard]] BufferPlace factorise(const Expr& expr, const nodes::SingularFactors& node);
  [[nodiscard]] BufferPlace reduce(const Expr& expr, const nodes::Reduce& node);
  [[nodiscard]] std::vector<Expr> reduced_operands(const nodes::Reduce& node);
  // What reductions must have in common to be made in one pass.
  struct PassKey {
    ReductionShape shape;
    bool by_rows;
    int passes;

    friend auto operator<=>(const PassKey&, const PassKey&) = default;
  };
  [[nodiscard]] ProgramPtr build_operand(const Expr& operand, const ReductionOrder& order, std::vector<int>& needs);
  [[nodiscard]] int pass_for(const PassKey& key, const std::vector<ProgramPtr>& programs,
                             const std::vector<int>& needs);
  [[nodiscard]] int begin_pass(const PassKey& key);
  [[nodiscard]] ProgramPtr build(const Expr& expr, const View& view, std::vector<int>& needs);
  // Of what is made for the node: whoever signed it, or the one that it is made for.
  [[nodiscard]] const MakerPtr& maker_of(const Expr& expr) const {
    return expr.node().maker() == nullptr ? maker_ : expr.node().maker();
  }
  int add(Materialization result);
  BufferPlace keep(const Expr& expr, BufferPlace place);
  [[nodiscard]] Place packed_operand(const Expr& expr, std::vector<int>& needs);
  [[nodiscard]] Place row_operand(const Expr& expr, std::int64_t row_elements, std::vector<int>& needs);
  void use(int buffer, std::vector<int>& needs);

  CompileOptions options_;
  std::vector<Materialization> materializations_;
  std::unordered_map<const Node*, BufferPlace> buffers_;
  std::vector<Expr> kept_;  // keeps the nodes of buffers_ alive
  std::unordered_map<const Node*, Expr> stretches_;
  Narrowing narrowing_;
  std::map<std::tuple<const Node*, std::int64_t, bool>, int> factorisations_;  // by matrix, count and method
  std::map<std::pair<PassKey, SourceName>, std::vector<int>> passes_;          // buffers of reductions
  std::unordered_set<int> tapped_;                                             // numbers of passing reductions
  std::unordered_map<const Node*, Expr> known_;                                // values of reductions
  std::unordered_map<const Node*, int> visits_;  // by how many programs of the tensor at hand
  MakerPtr maker_;                               // of the node at hand
  bool is_chosen_ = false;                       // elements of the node at hand may be left out by a condition
  CountedDivisions divisions_;
};

}  // namespace brainsurgery
