"""Figures, verdicts and tables from the turns."""
import os
import platform
import re
from collections import namedtuple

from scenarios import Constant, Memory, Milliseconds, NewBlocks, Over, Speedup

COLUMNS = ["", "median s", "least s", "of `cp`", "of least", "MB", "by hand s", "MB", "Python s", "MB", "limits",
           "verdict"]

Figures = namedtuple("Figures", "median least megabytes new_megabytes")


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def figures_of(turns, scenario, who):
    """None where there are no runs."""
    runs = [results[scenario, who] for results in turns.results if (scenario, who) in results]
    if not runs:
        return None
    seconds = [run.seconds for run in runs]
    new = [run.new_megabytes for run in runs if run.new_megabytes is not None]
    return Figures(median(seconds), min(seconds), max(run.megabytes for run in runs), max(new, default=None))


def ratio_of(turns, left, right):
    """The median of the ratios of the same turn, and the ratio of the least times; None where no turn has both."""
    pairs = [(results[left].seconds, results[right].seconds) for results in turns.results
             if left in results and right in results]
    if not pairs:
        return None
    return median([a / b for a, b in pairs]), min(a for a, _ in pairs) / min(b for _, b in pairs)


class Judge:
    """Holds the figures of one scenario against its limits."""

    def __init__(self, turns, name, copy=None):
        self.turns, self.name, self.copy = turns, name, copy
        self.own = figures_of(turns, name, "ours")

    def over(self, other):
        if other == "cp":
            other = self.copy
        who = "cp" if other.startswith("cp") else "ours"
        return ratio_of(self.turns, (self.name, "ours"), (other, who))

    def verdict(self, limit):
        """What the limit says, whether it is held (None: not known), and what was measured."""
        if isinstance(limit, Over):
            ratios = self.over(limit.scenario)
            words = "%g of %s" % (limit.factor, limit.scenario)
            if ratios is None:
                return words, None, ""
            measured = "%.2f of %s, %.2f of least" % (ratios[0], limit.scenario, ratios[1])
            return words, ratios[0] <= limit.factor, measured
        if isinstance(limit, Speedup):
            ratios = ratio_of(self.turns, (self.name, "Python"), (self.name, "ours"))
            words = "%g times as fast as Python" % limit.factor
            return (words, ratios[0] >= limit.factor, "%.1f times" % ratios[0]) if ratios else (words, None, "")
        if isinstance(limit, Constant):
            words = "memory of %s + %d %%" % (limit.scenario, limit.share * 100)
            other = figures_of(self.turns, limit.scenario, "ours")
            share = self.own.megabytes / other.megabytes - 1 if other else None
            return (words, share <= limit.share, "%+.0f %%" % (share * 100)) if other else (words, None, "")
        if isinstance(limit, Memory):
            return "%g MB" % limit.megabytes, self.own.megabytes <= limit.megabytes, "%.1f MB" % self.own.megabytes
        if isinstance(limit, NewBlocks):
            new = self.own.new_megabytes
            return "%g MB new" % limit.megabytes, new < limit.megabytes, "%.2f MB new" % new
        assert isinstance(limit, Milliseconds)
        taken = self.own.median * 1000
        return "%g ms" % limit.most, taken <= limit.most, "%.1f ms" % taken

    def verdicts(self, limits):
        """The limits in words, the verdict in words, whether none is missed."""
        judged = [self.verdict(limit) for limit in limits]
        missed = [measured for _, held, measured in judged if held is False]
        unknown = [words for words, held, _ in judged if held is None]
        if missed:
            verdict = "MISSED: " + "; ".join(missed)
        elif unknown:
            verdict = "not judged: " + ", ".join(unknown)
        else:
            seen = [measured for limit, (_, _, measured) in zip(limits, judged) if not has_column(limit)]
            verdict = "held" + ": " * bool(seen) + "; ".join(seen) if limits else ""
        return ", ".join(words for words, _, _ in judged), verdict, not missed


def has_column(limit):
    """Whether what LIMIT is about is in a column of its own."""
    return isinstance(limit, (Memory, Milliseconds)) or isinstance(limit, Over) and limit.scenario == "cp"


def seconds_text(seconds):
    return "%.3f" % seconds if seconds < 9.9995 else "%.1f" % seconds


def peer_cells(turns, name):
    cells = []
    for who in ("by hand", "Python"):
        figures = figures_of(turns, name, who)
        nothing = ["failed", ""] if (name, who) in turns.failed else ["", ""]
        cells += [seconds_text(figures.median), "%.0f" % figures.megabytes] if figures else nothing
    return cells


def row(title, figures, ratios, peers, limits="", verdict=""):
    compared = ["%.2f" % ratio for ratio in ratios] if ratios else ["", ""]
    times = [seconds_text(figures.median), seconds_text(figures.least)]
    return [title, *times, *compared, "%.1f" % figures.megabytes, *peers, limits, verdict]


def failed_row(title, peers, limits=""):
    return [title, "failed", "", "", "", "", *peers, limits, "FAILED"]


def copy_row(turns, entry):
    size = os.path.getsize(entry.sources[0]) / 1e9
    title = "`cp`%s, %s, %.2f GB" % (" and `sync -f`" if entry.scenario == "cp-sync" else "", entry.group, size)
    figures = figures_of(turns, entry.scenario, "cp")
    return row(title, figures, None, [""] * 4) if figures else failed_row(title, [""] * 4)


def scenario_row(turns, scenario, copy=None):
    judge, peers = Judge(turns, scenario.name, copy), peer_cells(turns, scenario.name)
    if judge.own is None:
        return failed_row(scenario.title, peers), False
    limits, verdict, good = judge.verdicts(scenario.limits)
    ratios = judge.over("cp") if copy else None
    return row(scenario.title, judge.own, ratios, peers, limits, verdict), good


def table_text(rows):
    rows = [[cell.replace("`", "") for cell in cells] for cells in [COLUMNS, *rows]]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(COLUMNS))]
    lines = []
    for cells in rows:
        padded = [cell.ljust(width) if i in (0, 10, 11) else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(cells, widths))]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def table_markdown(rows):
    rule = ["---" if i in (0, 10, 11) else "--:" for i in range(len(COLUMNS))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [COLUMNS, rule, *rows])


def first_match(path, pattern, otherwise):
    with open(path, encoding="utf-8", errors="replace") as file:
        match = re.search(pattern, file.read(), re.MULTILINE)
    return match.group(1) if match else otherwise


def file_system_of(path):
    """The type of the mount that holds PATH."""
    path, best = os.path.realpath(path), ("", "unknown")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            before, after = line.split(" - ", 1)
            point = before.split()[4].replace("\\040", " ")
            if os.path.commonpath([point, path]) == point and len(point) >= len(best[0]):
                best = (point, after.split()[0])
    return best[1]


def machine_facts(folder):
    model = first_match("/proc/cpuinfo", r"^model name\s*: (.+)$", platform.machine())
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+) kB", "0")) / 2**20
    return "%d cores of %s, %.0f GiB of memory, Linux %s, %s" % (
        len(os.sched_getaffinity(0)), model, memory, platform.release(), file_system_of(folder))
