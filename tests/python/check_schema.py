"""The JSON Schema of plans (`brainsurgery schema`) against a standard validator.

    python3 check_schema.py PROGRAM

It must be a valid schema of draft 7; accept every plan of the recorded cases, the case files and plans/ that the program
takes; and refuse every plan in which the program finds an unknown or missing key, command or operator: those of the cases,
and what each step of a good plan becomes with a key more or a key less.
"""
import copy
import glob
import json
import os
import re
import subprocess

import jsonschema
import yaml

from peers import ROOT, Tally, program_from_arguments, scratch


class PlanLoader(yaml.SafeLoader):
    """YAML 1.1 as plans are read: 1e-6 is a number, dates are texts."""


PlanLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":float", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
PlanLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(
    r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?$|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"
    r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?$|[-+]?\.(?:inf|Inf|INF)$|\.(?:nan|NaN|NAN)$"), list("-+0123456789."))

# What the program says of mistakes that the schema has to find as well.
STRUCTURAL = re.compile(r"error: (?:.*unknown key '.*' of (?!the plan)|.* is required|.*unknown command|.*unknown operator"
                        r"|.*: needs (?:one of|\S+ or) )")


def recorded_cases():
    """(name, text, good) of the cases with one plan and no values for it."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "conformance", "cases", "*.json"))):
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            words = [word for word in case["args"] if not word.startswith("-")]
            if words != ["plan.yaml"] or len(case.get("texts", {})) != 1 or case.get("stdin"):
                continue
            yield case["name"], "\n".join(case["texts"]["plan.yaml"]), case["kind"] != "error"


def case_files():
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "cases", "*.case"))):
        with open(path, encoding="utf-8") as file:
            for case in re.split(r"^=== ", file.read(), flags=re.M)[1:]:
                plan = re.search(r"^--- plan\n(.*?)(?=^--- |\Z)", case, re.M | re.S)
                if plan:
                    name = "%s: %s" % (os.path.basename(path), case.split("\n", 1)[0])
                    yield name, plan.group(1), not re.search(r"^--- error ", case, re.M)


def example_plans():
    for path in sorted(glob.glob(os.path.join(ROOT, "plans", "**", "*.yaml"), recursive=True)):
        with open(path, encoding="utf-8") as file:
            yield os.path.basename(path), file.read(), True


class Checker:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        text = subprocess.run([program, "schema"], stdout=subprocess.PIPE, check=True).stdout
        schema = json.loads(text)
        jsonschema.Draft7Validator.check_schema(schema)
        self.validator = jsonschema.Draft7Validator(schema)
        self.tally = Tally()
        self.refused_by_both = 0

    def accepts(self, plan):
        return self.validator.is_valid(plan)

    def finds_structural_mistake(self, text):
        done = subprocess.run([self.program, "check", "-"], input=text.encode(), cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        return STRUCTURAL.search(done.stdout.decode(errors="replace")) is not None

    def check(self, name, text, good):
        try:
            plan = yaml.load(text, PlanLoader)
        except yaml.YAMLError as error:
            self.tally.check(name, str(error) if good else None)
            return None
        if good:
            errors = [] if self.accepts(plan) else [
                "%s at %s" % (error.message[:300], list(error.absolute_path)) for error in self.validator.iter_errors(plan)]
            self.tally.check(name, "refused: " + "; ".join(errors) if errors else None)
            return plan
        if self.finds_structural_mistake(text):
            self.refused_by_both += 1
            self.tally.check(name, "accepted, though the program finds a wrong key" if self.accepts(plan) else None)
        return None


def steps_of(plan):
    """Every step of a good plan that is a mapping to a mapping."""
    steps = (plan or {}).get("transforms") or []
    for step in steps if isinstance(steps, list) else [steps]:
        if isinstance(step, dict) and isinstance(next(iter(step.values())), dict):
            yield step


def changed(step):
    """(what was done, step) with a key more, and with each key less, at the top of the payload and of an operator's."""
    (command, payload), = step.items()
    paths = [()]
    if len(payload) == 1 and isinstance(next(iter(payload.values())), dict):
        paths.append((next(iter(payload)),))
    for path in paths:
        def altered(change):
            result = copy.deepcopy(step)
            target = result[command]
            for key in path:
                target = target[key]
            change(target)
            return result
        yield (command, path, "+"), altered(lambda target: target.update(zzz=1))
        target = payload
        for key in path:
            target = target[key]
        for key in target:
            yield (command, path, key, tuple(sorted(map(str, target)))), altered(lambda target: target.pop(key))


def main():
    with scratch() as folder:
        checker = Checker(program_from_arguments(), folder)
        seen = set()
        for name, text, good in [*recorded_cases(), *case_files(), *example_plans()]:
            plan = checker.check(name, text, good)
            for step in steps_of(plan) if isinstance(plan, dict) else []:
                for what, other in changed(step):
                    if what in seen:
                        continue
                    seen.add(what)
                    text = json.dumps({"inputs": ["model::m", "a::a", "b::b"], "transforms": [other]})
                    if checker.finds_structural_mistake(text):
                        checker.refused_by_both += 1
                        checker.tally.check("%s of %s" % (what, name), "accepted" if checker.accepts(json.loads(text)) else None)
                wrong = {"transforms": [{next(iter(step)) + "zz": next(iter(step.values()))}]}
                checker.tally.check("a command that is none, of " + name, "accepted" if checker.accepts(wrong) else None)
        if checker.refused_by_both < 100:
            checker.tally.check("enough mistakes", "only %d" % checker.refused_by_both)
        return checker.tally.finish()


if __name__ == "__main__":
    raise SystemExit(main())
