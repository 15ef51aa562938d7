"""The folder of one benchmark: inputs, plans, targets, and the commands of all contestants."""
import os
import shutil
import subprocess
import sys
from functools import partial
from itertools import chain

import models
import plain
from limits import OverCopy, OverPlain
from scenarios import plan_text
from turns import PLAIN_READS, PLAIN_WRITES, READS_AND_COPY, Entry, remove

HERE = os.path.dirname(os.path.abspath(__file__))


class Workshop:
    def __init__(self, folder, program, python, small):
        self.folder, self.program, self.small = folder, program, small
        self.interpreter = os.path.join(python, "bin", "python") if python else None
        peer = os.path.join(python, "bin", "brainsurgery") if python else ""
        self.python_program = peer if os.path.exists(peer) else None
        self.sizes = models.SMALL if small else models.FULL
        self.volume = None  # where scenarios of shared blocks work

    def peer_versions(self):
        """In words; imports the peers, so that none of them is the first to read its libraries."""
        if not self.interpreter:
            return ""
        names = ["torch", "safetensors"] + ["brainsurgery"] * (self.python_program is not None)
        ask = "import %s\nfrom importlib.metadata import version\nfor name in %r: print(',', name, version(name))"
        ask %= ", ".join(names), names
        done = subprocess.run([self.interpreter, "-c", ask], stdout=subprocess.PIPE, check=True, text=True)
        return done.stdout.replace("\n", "")

    def place(self, scenario):
        return self.volume if scenario.volume else self.folder

    def input(self, kind, folder=None):
        return os.path.join(folder or self.folder, kind if kind == "deepseek-v3" else kind + ".safetensors")

    def sources(self, scenario):
        return [self.input(kind, self.place(scenario)) for kind in scenario.inputs]

    def target(self, scenario):
        return os.path.join(self.place(scenario), "out" if scenario.directory else "out.safetensors")

    def expected(self, scenario):
        return os.path.join(self.place(scenario), "expected" if scenario.directory else "expected.safetensors")

    def make_inputs(self, kinds):
        for kind in kinds:
            path = self.input(kind)
            if not os.path.exists(path):
                print("making %s" % kind, file=sys.stderr)
                command = [sys.executable, os.path.join(HERE, "models.py"), kind, path]
                subprocess.run(command + ["--small"] * self.small, check=True)

    def fill_volume(self, scenarios):
        for kind in {kind for scenario in scenarios if scenario.volume for kind in scenario.inputs}:
            shutil.copyfile(self.input(kind), self.input(kind, self.volume))

    def write_plan(self, name, inputs, steps, output):
        path = os.path.join(self.folder, name + ".yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(plan_text(inputs, steps, output))
        return path

    def steps(self, given):
        return given(self.sizes) if callable(given) else given

    def plan_of(self, scenario):
        output = scenario.output % self.target(scenario)
        return self.write_plan(scenario.name, self.sources(scenario), self.steps(scenario.steps), output)

    def start_command(self, start):
        if not start.steps:
            return [self.program, *start.arguments]
        inputs = [self.input(kind) for kind in start.inputs]
        output = os.path.join(self.folder, "out.safetensors")
        return [self.program, *start.arguments, self.write_plan(start.name, inputs, self.steps(start.steps), output)]

    def entry(self, scenario, who, command):
        return Entry(scenario.name, who, self.group(scenario), command, self.target(scenario), self.sources(scenario),
                     self.folder, self.volume if scenario.volume else None)

    def group(self, scenario):
        return ("volume: " if scenario.volume else "") + scenario.inputs[0]

    def ours(self, scenario):
        sync = [] if scenario.sync else ["--no-sync"]
        return self.entry(scenario, "ours", [self.program, "run", self.plan_of(scenario), *sync])

    def by_hand(self, scenario, target=None):
        target = target or self.target(scenario)
        command = [self.interpreter, os.path.join(HERE, "by_hand.py"), scenario.by_hand, target]
        return self.entry(scenario, "by hand", command + self.sources(scenario))._replace(target=target)

    def python(self, scenario):
        steps = self.steps(scenario.steps) + self.steps(scenario.workaround)
        output = (scenario.output % self.target(scenario)).replace(", layout: aligned", "")  # which it does not know
        plan = self.write_plan(scenario.name + "-python", self.sources(scenario), steps, output)
        return self.entry(scenario, "Python", [self.python_program, "cli", plan])

    def copy(self, scenario):
        """The `cp` that SCENARIO is compared with; its scenario is named for its kind of input."""
        source, target = self.sources(scenario)[0], os.path.join(self.place(scenario), "out.safetensors")
        command = ["cp", source, target]
        if scenario.sync:
            command = ["sh", "-c", 'cp "$1" "$2" && sync -f "$2"', "sh", source, target]
        entry = self.entry(scenario, "cp", command)
        return entry._replace(scenario=self.copy_name(scenario), target=target, sources=[source])

    def copy_name(self, scenario):
        return "cp-sync" if scenario.sync else "cp " + self.group(scenario)

    def plain_writes(self, scenario):
        """What shows the limit of the machine, beside the `cp` that SCENARIO is compared with."""
        copy = self.copy(scenario)
        return [copy._replace(who=who, command=partial(plain.write, copy.sources[0], copy.target, threads, scenario.sync))
                for threads, who in enumerate(PLAIN_WRITES, 1)]

    def plain_others(self, scenario):
        """What the other limits of SCENARIO name, for the same input."""
        copy = self.copy(scenario)
        actions = {PLAIN_READS: plain.read, READS_AND_COPY: plain.read_and_copy}
        return [copy._replace(who=limit.who, command=partial(actions[limit.who], copy.sources[0], copy.target, 2))
                for limit in scenario.limits if isinstance(limit, OverPlain)]

    def peers(self, scenario):
        found = [self.by_hand(scenario)] if self.interpreter and "by hand" in scenario.peers else []
        return found + ([self.python(scenario)] if self.has_python(scenario) else [])

    def has_python(self, scenario):
        return self.python_program and "Python" in scenario.peers

    def entries(self, scenarios):
        copies = {self.copy_name(scenario): self.copy(scenario) for scenario in scenarios}
        limits = {self.copy_name(scenario): self.plain_writes(scenario) for scenario in scenarios
                  if not scenario.volume and any(isinstance(limit, OverCopy) for limit in scenario.limits)}
        others = {(entry.scenario, entry.who): entry for scenario in scenarios
                  for entry in self.plain_others(scenario)}
        each = [[self.ours(scenario), *self.peers(scenario)] for scenario in scenarios]
        return [*copies.values(), *chain.from_iterable([*limits.values(), others.values(), *each])]

    def clear(self, scenario):
        remove(self.target(scenario))
        remove(self.expected(scenario))
