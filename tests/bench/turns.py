"""Runs the contestants of all scenarios in alternation."""
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import namedtuple

from volume import used_megabytes

MEASURE = [sys.executable, "-I", "-S", os.path.join(os.path.dirname(os.path.abspath(__file__)), "measure.py")]

# The limits of the machine.
PLAIN_WRITES = ("plain writes, 1 thread", "plain writes, 2 threads")
PLAIN_READS = "plain reads, 2 threads"
READS_AND_COPY = "plain reads, then reads and writes, 2 threads"
PLAIN = (*PLAIN_WRITES, PLAIN_READS, READS_AND_COPY)

# A run: WHO ("cp", "ours", "by hand", "Python", one of PLAIN) does SCENARIO by COMMAND, a list of words or a
# function. All of one GROUP read the same input.
Entry = namedtuple("Entry", "scenario who group command target sources folder volume")
Run = namedtuple("Run", "seconds megabytes new_megabytes", defaults=[None])


Figures = namedtuple("Figures", "median least megabytes new_megabytes")
Ratio = namedtuple("Ratio", "median of_least")  # the median of ratios of the same turn, the ratio of the least times


class Failed(Exception):
    """A command that did not do what it should."""


def measure(command, folder=None):
    if callable(command):
        start = time.perf_counter()
        command()
        return Run(time.perf_counter() - start, 0)
    done = subprocess.run(MEASURE + command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)
    try:
        seconds, megabytes, status = json.loads(done.stdout)
    except ValueError:
        status = done.returncode or 1
    if status != 0:
        message = done.stderr.decode(errors="replace")[-2000:]
        raise Failed("%s failed with %d:\n%s" % (" ".join(command), status, message))
    return Run(seconds, megabytes)


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def perform(entry, warm=True):
    """Runs ENTRY with its target gone, the disk at rest, and its sources in memory."""
    remove(entry.target)
    if warm:
        subprocess.run(["cat", *entry.sources], stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["sync"], check=True)
    before = used_megabytes(entry.volume) if entry.volume else None
    run = measure(entry.command, entry.folder)
    if not os.path.exists(entry.target):
        raise Failed("%s wrote nothing" % " ".join(entry.command))
    if entry.volume:
        run = run._replace(new_megabytes=used_megabytes(entry.volume) - before)
    return run


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def shuffled(items):
    return random.sample(items, len(items))


class Turns:
    """Takes turns; what fails is left out from then on. RESULTS are {(scenario, contestant): run}, one each turn."""

    def __init__(self, results=(), failed=()):
        self.results, self.failed = list(results), set(failed)

    def figures(self, scenario, who):
        """None where there are no runs."""
        runs = [results[scenario, who] for results in self.results if (scenario, who) in results]
        if not runs:
            return None
        seconds = [run.seconds for run in runs]
        new = [run.new_megabytes for run in runs if run.new_megabytes is not None]
        return Figures(median(seconds), min(seconds), max(run.megabytes for run in runs), max(new, default=None))

    def ratio(self, left, right):
        """Of turns that have both; None where none has."""
        pairs = [(results[left].seconds, results[right].seconds) for results in self.results
                 if left in results and right in results]
        if not pairs:
            return None
        return Ratio(median([a / b for a, b in pairs]), min(a for a, _ in pairs) / min(b for _, b in pairs))

    def attempt(self, key, action):
        if key in self.failed:
            return
        try:
            self.results[-1][key] = action()
        except Failed as failure:
            self.failed.add(key)
            print("\nFAILED: %s, %s: %s" % (*key, failure))

    def take(self, entries):
        """Group by group, so that a `cp` is near in time to what is compared with it."""
        self.results.append({})
        for group in shuffled(sorted({entry.group for entry in entries})):
            for entry in shuffled([entry for entry in entries if entry.group == group]):
                self.attempt((entry.scenario, entry.who), lambda: perform(entry))
                remove(entry.target)
                print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)


def take_turns(entries, runs, peer_runs):
    """The first turn with all but the peers is not counted; the peers take part in the first PEER_RUNS that are."""
    turns = Turns()
    without_peers = [entry for entry in entries if entry.who in ("ours", "cp", *PLAIN)]
    turns.take(without_peers)
    turns.results.clear()
    for turn in range(runs):
        turns.take(entries if turn < peer_runs else without_peers)
    return turns
