"""Figures, verdicts and tables from the turns."""
import os
import platform
import re

COLUMNS = ["", "median s", "least s", "of `cp`", "of least", "MB", "by hand s", "MB", "Python s", "MB", "limits",
           "verdict"]


def verdict_on(turns, scenario, copy):
    """The limits in words, the verdict in words, whether none is missed."""
    judged = [(limit, limit.judge(turns, scenario.name, copy)) for limit in scenario.limits]
    missed = [result.words for _, result in judged if result and not result.held]
    unknown = [limit.words() for limit, result in judged if not result]
    if missed:
        verdict = "MISSED: " + "; ".join(missed)
    elif unknown:
        verdict = "not judged: " + ", ".join(unknown)
    else:
        seen = [result.remark if limit.has_column() else result.words for limit, result in judged]
        seen = [words for words in seen if words]
        verdict = "held" + ": " * bool(seen) + "; ".join(seen) if judged else ""
    return ", ".join(limit.words() for limit in scenario.limits), verdict, not missed


def seconds_text(seconds):
    return "%.3f" % seconds if seconds < 9.9995 else "%.1f" % seconds


def peer_cells(turns, name):
    cells = []
    for who in ("by hand", "Python"):
        figures = turns.figures(name, who)
        nothing = ["failed", ""] if (name, who) in turns.failed else ["", ""]
        cells += [seconds_text(figures.median), "%.0f" % figures.megabytes] if figures else nothing
    return cells


def row(title, figures, ratios, peers, limits="", verdict=""):
    compared = ["%.2f" % ratio for ratio in ratios] if ratios else ["", ""]
    times = [seconds_text(figures.median), seconds_text(figures.least)]
    return [title, *times, *compared, "%.1f" % figures.megabytes if figures.megabytes else "", *peers, limits, verdict]


def plain_row(turns, entry):
    figures, nothing = turns.figures(entry.scenario, entry.who), [""] * 4
    title = "%s%s, %s" % (entry.who, " and `fsync`" if entry.scenario == "cp-sync" else "", entry.group)
    if figures is None:
        return failed_row(title, nothing)
    return row(title, figures, turns.ratio((entry.scenario, entry.who), (entry.scenario, "cp")), nothing)


def failed_row(title, peers, limits=""):
    return [title, "failed", "", "", "", "", *peers, limits, "FAILED"]


def copy_row(turns, entry):
    size = os.path.getsize(entry.sources[0]) / 1e9
    title = "`cp`%s, %s, %.2f GB" % (" and `sync -f`" if entry.scenario == "cp-sync" else "", entry.group, size)
    figures = turns.figures(entry.scenario, "cp")
    return row(title, figures, None, [""] * 4) if figures else failed_row(title, [""] * 4)


def scenario_row(turns, scenario, copy=None):
    """The cells, and whether no limit is missed; COPY names the `cp` that the scenario is compared with."""
    own, peers = turns.figures(scenario.name, "ours"), peer_cells(turns, scenario.name)
    if own is None:
        return failed_row(scenario.title, peers), False
    limits, verdict, good = verdict_on(turns, scenario, copy)
    ratios = turns.ratio((scenario.name, "ours"), (copy, "cp"))
    return row(scenario.title, own, ratios, peers, limits, verdict), good


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
