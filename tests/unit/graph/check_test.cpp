// Verdicts: what headers decide, what waits for data, and what is never looked at.
#include "brainsurgery/check.h"

#include <gtest/gtest.h>

namespace brainsurgery {
namespace {

using namespace checks;

enum class Answer { pass, fail, open, mistake };

// One condition of every kind of answer.
CheckPtr leaf(Answer answer) {
  switch (answer) {
    case Answer::pass:
      return make_check(Decided{true, ""});
    case Answer::fail:
      return make_check(Decided{false, "no"});
    case Answer::open:
      return make_check(DistinctValues{Expr(), nullptr});
    case Answer::mistake:
      break;
  }
  return make_check(Mistake{Error(ErrorCode::plan, "no such tensor")});
}

Answer answer_of(const CheckPtr& check) {
  try {
    const std::optional<Verdict> verdict = decide(*check);
    return !verdict ? Answer::open : verdict->pass ? Answer::pass : Answer::fail;
  } catch (const Error&) {
    return Answer::mistake;
  }
}

constexpr Answer kAll[] = {Answer::pass, Answer::fail, Answer::open, Answer::mistake};

TEST(Check, AllOfGoesAsFarAsItHolds) {
  for (const Answer a : kAll) {
    for (const Answer b : kAll) {
      const Answer expected = a == Answer::pass ? b : a;
      EXPECT_EQ(answer_of(make_check(AllOf{{leaf(a), leaf(b)}})), expected)
          << static_cast<int>(a) << static_cast<int>(b);
    }
  }
  EXPECT_EQ(answer_of(make_check(AllOf{})), Answer::pass);
}

TEST(Check, AnyOfGoesAsFarAsItFails) {
  for (const Answer a : kAll) {
    for (const Answer b : kAll) {
      const Answer expected = a == Answer::fail ? b : a;
      EXPECT_EQ(answer_of(make_check(AnyOf{{leaf(a), leaf(b)}})), expected)
          << static_cast<int>(a) << static_cast<int>(b);
    }
  }
  EXPECT_EQ(answer_of(make_check(AnyOf{})), Answer::fail);
}

TEST(Check, NotFlipsVerdictsOnly) {
  EXPECT_EQ(answer_of(make_check(Not{leaf(Answer::pass), "it holds"})), Answer::fail);
  EXPECT_EQ(answer_of(make_check(Not{leaf(Answer::fail), "it holds"})), Answer::pass);
  EXPECT_EQ(answer_of(make_check(Not{leaf(Answer::open), "it holds"})), Answer::open);
  EXPECT_EQ(answer_of(make_check(Not{leaf(Answer::mistake), "it holds"})), Answer::mistake);
}

TEST(Check, Reasons) {
  const CheckPtr no = make_check(Decided{false, "a is missing"}), nor = make_check(Decided{false, "b is missing"});
  EXPECT_EQ(decide(*make_check(AllOf{{leaf(Answer::pass), no, nor}}))->reason, "a is missing");
  EXPECT_EQ(decide(*make_check(AnyOf{{no, nor}}))->reason, "no alternative holds:\na is missing\nb is missing");
  EXPECT_EQ(decide(*make_check(Not{leaf(Answer::pass), "it holds"}))->reason, "it holds");
}

struct Oracle final : DataOracle {
  std::vector<std::optional<Verdict>> measured, distinct;  // answers, last first
  std::optional<Verdict> verdict(const Measured&) override { return next(measured); }
  std::optional<Verdict> verdict(const DistinctValues&) override { return next(distinct); }
  static std::optional<Verdict> next(std::vector<std::optional<Verdict>>& answers) {
    EXPECT_FALSE(answers.empty()) << "asked too often";
    const std::optional<Verdict> answer = answers.empty() ? std::nullopt : answers.back();
    if (!answers.empty()) answers.pop_back();
    return answer;
  }
};

const Verdict kPass{true, ""};

TEST(Check, DataAnswersOpenConditionsOnceAndInOrder) {
  const CheckPtr equal = make_check(Measured{{}, nullptr});
  const CheckPtr either = make_check(AnyOf{{equal, leaf(Answer::open)}});
  const Verdict differ{false, "a and b differ"}, large{false, "too large"};
  Oracle oracle;
  oracle.measured = {differ};
  oracle.distinct = {kPass};
  EXPECT_TRUE(evaluate(*either, oracle)->pass);
  oracle.measured = {kPass};
  EXPECT_TRUE(evaluate(*either, oracle)->pass) << "the second is not asked";
  oracle.measured = {differ};
  oracle.distinct = {large};
  EXPECT_EQ(evaluate(*either, oracle)->reason, "no alternative holds:\na and b differ\ntoo large");
  oracle.measured = {std::nullopt};
  EXPECT_FALSE(evaluate(*either, oracle).has_value());
}

TEST(Check, FailsWhateverIsOpen) {
  const CheckPtr measured = make_check(Measured{{}, nullptr});
  const CheckPtr both = make_check(AllOf{{leaf(Answer::open), measured}});
  const CheckPtr either = make_check(AnyOf{{leaf(Answer::open), measured}});
  const CheckPtr inverse = make_check(Not{measured, "it holds"});
  const Verdict no{false, "no"};
  const auto fails = [](const CheckPtr& check, std::optional<Verdict> distinct, std::optional<Verdict> answer) {
    Oracle oracle;
    oracle.distinct = {std::move(distinct)};
    oracle.measured = {std::move(answer)};
    return fails_anyhow(*check, oracle);
  };
  EXPECT_TRUE(fails(both, std::nullopt, no)) << "the first is open";
  EXPECT_TRUE(fails(both, no, std::nullopt));
  EXPECT_FALSE(fails(both, std::nullopt, kPass));
  EXPECT_FALSE(fails(either, std::nullopt, no));
  EXPECT_FALSE(fails(inverse, std::nullopt, no));
  EXPECT_EQ(open_conditions(*both).size(), 2U);
  EXPECT_TRUE(open_conditions(*both)[1].required);
  EXPECT_FALSE(open_conditions(*inverse)[0].required);
}

TEST(Check, AMistakeKeepsItsError) {
  try {
    static_cast<void>(decide(*leaf(Answer::mistake)));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::plan);
    EXPECT_EQ(std::string(error.what()), "no such tensor");
  }
}

TEST(Check, AVerdictIsTheOraclesOwn) {
  const CheckPtr measured = make_check(Measured{{}, nullptr});
  EXPECT_FALSE(decide(*measured).has_value());
  EXPECT_FALSE(decide(*make_check(DistinctValues{Expr(), nullptr})).has_value());
  Oracle oracle;
  oracle.measured = {Verdict{false, "the sum is 3"}, Verdict{false, "the sum is 3"}};
  EXPECT_EQ(evaluate(*make_check(AnyOf{{measured, leaf(Answer::fail)}}), oracle)->reason,
            "no alternative holds:\nthe sum is 3\nno");
  EXPECT_TRUE(evaluate(*make_check(Not{measured, "it holds"}), oracle)->pass);
}

}  // namespace
}  // namespace brainsurgery
