// A language of three steps and two operators, for tests of what is made from schemas.
#pragma once

#include "describe/catalog.h"
#include "plan/plan_file.h"

namespace brainsurgery::testing {

struct BlurSpec {
  TensorRef from, to;
  double by = 1;
  DType dtype = DType::F32;
};
struct LookSpec {
  std::string path;
  std::optional<bool> loud;
};
struct CheckSpec {
  std::string what;
};
struct NearSpec {
  TensorRef of;
  std::optional<double> low, high;
};

inline Catalog small_catalog() {
  SchemaBuilder<BlurSpec> blur("blur", {"Blurs tensors.", "Slowly.", "blur: {from: a, to: b, by: 2}"});
  blur.reference(&BlurSpec::from, "from", roles::source()).doc("What to blur.");
  blur.reference(&BlurSpec::to, "to", roles::created()).doc("The new name.");
  blur.field(&BlurSpec::by, "by").require().doc("How far.");
  blur.field(&BlurSpec::dtype, "dtype").defaults_to("float32").doc("The dtype.");
  SchemaBuilder<LookSpec> look("look", {"Looks at a file.", "", "look: a.txt"});
  look.text(&LookSpec::path, "path", Scalar::path).require().doc("The file.");
  look.flag(&LookSpec::loud, "loud").doc("Says more.");
  look.shorthand("path");
  SchemaBuilder<CheckSpec> check("check", {"Checks.", "", "check: {near: {of: a, low: 1}}"});
  const auto nothing = [](const YamlNode&, const FieldDecoder&, CheckSpec&) {};
  check.custom("of", one_operator(), nothing).require().doc("One operator.");
  check.shorthand("of", true);
  SchemaBuilder<LookSpec> stop("stop", {"Stops.", "", "stop"});

  SchemaBuilder<NearSpec> near("near", {"It is near.", "", "check: {near: {of: a, low: 1}}"});
  near.reference(&NearSpec::of, "of", roles::source()).doc("Which.");
  near.field(&NearSpec::low, "low").doc("From.");
  near.field(&NearSpec::high, "high").doc("To.");
  near.needs_one_of({"low", "high"});
  SchemaBuilder<CheckSpec> both("both", {"Both hold.", "", "check: {both: [{near: {of: a, low: 1}}]}"});
  both.custom("of", list_of(one_operator(), 1), nothing).require();
  both.shorthand("of", true);
  return make_catalog({look.schema(), blur.schema(), stop.schema(), check.schema()}, {near.schema(), both.schema()},
                      {{}, {"safetensors", "numpy"}});
}

}  // namespace brainsurgery::testing
