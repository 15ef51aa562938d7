#!/usr/bin/env python3
"""Lines of the recipes beside lines of the Python that computes the same in recipe_*.py, without blank lines and comments.

usage: count_lines.py

The Python makes checkpoints too, and calls PyTorch for what a plan says in a step; it neither reads shards nor writes
directories, as a script for a real model would have to. No plan may grow with the number of layers, experts or ranks:
the longest one is named.
"""
import ast
import glob
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def plan_lines(path):
    with open(path, encoding="utf-8") as file:
        return sum(1 for line in file if line.strip() and not line.lstrip().startswith("#"))


def python_lines(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    documented = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documented.update(range(node.lineno, node.end_lineno + 1))
    return sum(1 for number, line in enumerate(text.splitlines(), 1)
               if line.strip() and not line.lstrip().startswith("#") and number not in documented)


def main():
    plans = {os.path.basename(path)[:-5]: plan_lines(path) for path in glob.glob(os.path.join(ROOT, "plans", "recipes", "*.yaml"))}
    scripts = {os.path.basename(path): python_lines(path)
               for path in glob.glob(os.path.join(ROOT, "tests", "python", "recipe_*.py"))}
    longest = max(plans, key=plans.get)
    print("%d recipes: %d lines, the longest is %s with %d" % (len(plans), sum(plans.values()), longest, plans[longest]))
    print("%d files of Python: %d lines" % (len(scripts), sum(scripts.values())))
    print("recipes are %.2f of the Python" % (sum(plans.values()) / sum(scripts.values())))


if __name__ == "__main__":
    main()
