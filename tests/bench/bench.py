#!/usr/bin/env python3
"""Times the program next to `cp`, to scripts written by hand, and to the Python program, and holds it to its limits.

usage: bench.py [--python VENV] [--verify] [--only NAME,...] [--markdown FILE] ...

The model is 2.2 GB of bfloat16 in 201 tensors (the shapes of TinyLlama-1.1B); scenarios.py lists what is done to it.
Page cache warm; before each run the target is removed and `sync` waited for; all take turns in random order, those of
one input close together, so that a slow minute of the disk hits all of them. `of cp` is the median of the ratios to
the `cp` of the same turn, by which the limits are judged, and `of least` the ratio of the least times; MB is the peak
resident memory. The peers need PyTorch and safetensors in VENV; the Python program is VENV/bin/brainsurgery, and left
out where that is missing. A file system that shares blocks is made and mounted where that is allowed (root, xfsprogs).
Needs 25 GB on a file system where `cp` does copy; exit status 1 when a limit is missed, a run fails, or an output is
not what the script by hand writes.
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, contextmanager

import report
import scenarios
import verify
from turns import PLAIN, Failed, Turns, measure, take_turns
from volume import Unavailable, mounted_volume
from workshop import Workshop

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(HERE, "..", "..", "build", "brainsurgery"))
    parser.add_argument("--python", metavar="VENV", help="also time the peers, in this virtual environment")
    parser.add_argument("--folder", help="where to put the files; default: a new temporary folder")
    parser.add_argument("--keep", action="store_true", help="leave the files in --folder, use inputs that are there")
    parser.add_argument("--runs", type=int, default=7, help="turns (%(default)s)")
    parser.add_argument("--peer-runs", type=int, default=2, help="turns in which the peers take part (%(default)s)")
    parser.add_argument("--only", metavar="NAME,...", help="these scenarios, and those they are compared with")
    parser.add_argument("--large", action="store_true", help="also hold the memory for 2 GB against that for 20 GB")
    parser.add_argument("--small", action="store_true", help="small models, to try the scripts; limits say little")
    parser.add_argument("--verify", action="store_true", help="first compare all outputs with those by hand")
    parser.add_argument("--no-limits", action="store_true", help="a limit that is missed does not count")
    parser.add_argument("--markdown", metavar="FILE", help="write the table to FILE as well")
    options = parser.parse_args()
    if options.verify and not options.python:
        parser.error("--verify needs --python")
    if options.keep and not options.folder:
        parser.error("--keep needs --folder")
    return options


def chosen_by(options):
    """What to time in turns, how the program starts, and what to time once."""
    large = scenarios.LARGE if options.large else []
    if not options.only:
        return scenarios.SCENARIOS, scenarios.STARTS, large
    names = options.only.split(",")
    known = [scenario.name for scenario in scenarios.SCENARIOS + scenarios.STARTS]
    for name in names:
        if name not in known:
            sys.exit("there is no scenario '%s'; there are: %s" % (name, ", ".join(known)))
    return scenarios.needed_for(names), [start for start in scenarios.STARTS if start.name in names], large


def require_space(workshop, kinds):
    """Room for the inputs that use any, and for three outputs of the largest."""
    largest = 21.5e9 if "sparse-large" in kinds else 2.5e9
    written = [kind for kind in kinds if not kind.startswith(("sparse", "deepseek"))]
    needed = (2.5e9 * len(written) + 3 * largest) * (0.02 if workshop.small else 1)
    free = shutil.disk_usage(workshop.folder).free
    if free < needed:
        raise Failed("%s has %.1f GB free and %.1f GB are needed" % (workshop.folder, free / 1e9, needed / 1e9))


def open_volume(workshop, chosen, stack):
    """Makes the volume that some scenarios want; gives the scenarios that can be had."""
    wanting = [scenario for scenario in chosen if scenario.volume]
    if not wanting:
        return chosen
    try:
        workshop.volume = stack.enter_context(mounted_volume(workshop.folder, 10 << 30))
    except Unavailable as reason:
        for scenario in wanting:
            print("skipped: %s: %s" % (scenario.name, reason))
        return [scenario for scenario in chosen if not scenario.volume]
    workshop.fill_volume(wanting)
    return chosen


def time_start(workshop, start):
    command, turns = workshop.start_command(start), Turns()
    for _ in range(1 + start.runs):
        turns.results.append({})
        turns.attempt((start.name, "ours"), lambda: measure(command))
    return Turns(turns.results[1:], turns.failed)


def time_large(workshop, large):
    turns = Turns()
    turns.take([workshop.ours(scenario) for scenario in large])
    return turns


def time_all(workshop, chosen, starts, large, options):
    """The rows of the table, whether nothing failed, and whether all limits are held."""
    entries = workshop.entries(chosen)
    turns = take_turns(entries, options.runs, options.peer_runs)
    rows = [report.copy_row(turns, entry) for entry in entries if entry.who == "cp"]
    rows += [report.plain_row(turns, entry) for entry in entries if entry.who in PLAIN]
    judged = [report.scenario_row(turns, scenario, workshop.copy_name(scenario)) for scenario in chosen]
    failed = set(turns.failed)
    for start in starts:
        turns = time_start(workshop, start)
        judged.append(report.scenario_row(turns, start))
        failed |= turns.failed
    if large:
        turns = time_large(workshop, large)
        judged += [report.scenario_row(turns, scenario) for scenario in large]
        failed |= turns.failed
    return rows + [row for row, _ in judged], not failed, all(good for _, good in judged)


def bench(workshop, options, stack):
    """Whether all that counts was held."""
    chosen, starts, large = chosen_by(options)
    kinds = dict.fromkeys(kind for each in chosen + starts + large for kind in each.inputs)
    require_space(workshop, kinds)
    workshop.make_inputs(kinds)
    chosen = open_volume(workshop, chosen, stack)
    verified = not options.verify or verify.verify(workshop, chosen)
    facts = "%s%s. %d turns, the peers in %d of them." % (
        report.machine_facts(workshop.folder), workshop.peer_versions(), options.runs,
        min(options.runs, options.peer_runs))
    rows, done, held = time_all(workshop, chosen, starts, large, options)
    print("%s\n\n%s" % (facts, report.table_text(rows)))
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write("%s\n\n%s\n" % (facts, report.table_markdown(rows)))
    return verified and done and (held or options.no_limits)


@contextmanager
def working_folder(options):
    """--folder itself with --keep, else a temporary one, in --folder if that is given."""
    if options.folder:
        os.makedirs(options.folder, exist_ok=True)
    if options.keep:
        yield os.path.abspath(options.folder)
        return
    folder = tempfile.mkdtemp(prefix="brainsurgery-bench-", dir=options.folder)
    try:
        yield os.path.abspath(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which unmounts and removes
    with ExitStack() as stack:
        folder = stack.enter_context(working_folder(options))
        workshop = Workshop(folder, os.path.abspath(options.program), options.python, options.small)
        try:
            return 0 if bench(workshop, options, stack) else 1
        except Failed as failure:
            print(failure, file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
