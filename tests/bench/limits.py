"""What the figures of a scenario are held against.

`judge` says whether a limit is held, and what was measured, or gives None where what it needs was not run. TURNS is
what was run, NAME the scenario's name, and COPY that of the `cp` beside it.
"""
from typing import NamedTuple

from turns import PLAIN_WRITES

CLOSE_TO_LIMIT = 1.15


class Judgement(NamedTuple):
    held: bool
    words: str        # what was measured
    remark: str = ""  # to be said of a limit that is held although its figure has a column


class OverCopy(NamedTuple):
    """The median of the ratios to the `cp` of the same turn. Where the machine does not allow the FACTOR, to come close
    to plain writes is enough."""
    factor: float

    def words(self):
        return "%g of cp" % self.factor

    def has_column(self):
        return True

    def judge(self, turns, name, copy):
        ratio = turns.ratio((name, "ours"), (copy, "cp"))
        if ratio is None:
            return None
        words = "%.2f of cp, %.2f of least" % ratio
        plain = [turns.ratio((name, "ours"), (copy, who)) for who in PLAIN_WRITES]
        if ratio.median <= self.factor or None in plain:
            return Judgement(ratio.median <= self.factor, words)
        of_limit = max(each.median for each in plain)
        words += ", %.2f of plain writes" % of_limit
        return Judgement(of_limit <= CLOSE_TO_LIMIT, words, "at the machine's limit, " + words)


class OverPlain(NamedTuple):
    """The median of the ratios to what WHO, one of turns.PLAIN, takes for the first input in the same turn."""
    factor: float
    who: str

    def words(self):
        return "%g of %s" % (self.factor, self.who)

    def has_column(self):
        return False

    def judge(self, turns, name, copy):
        ratio = turns.ratio((name, "ours"), (copy, self.who))
        if ratio is None:
            return None
        return Judgement(ratio.median <= self.factor, "%.2f, %.2f of least" % ratio)


class Over(NamedTuple):
    """The median of the ratios to another SCENARIO of the same turn."""
    factor: float
    scenario: str

    def words(self):
        return "%g of %s" % (self.factor, self.scenario)

    def has_column(self):
        return False

    def judge(self, turns, name, copy):
        ratio = turns.ratio((name, "ours"), (self.scenario, "ours"))
        if ratio is None:
            return None
        return Judgement(ratio.median <= self.factor,
                         "%.2f of %s, %.2f of least" % (ratio.median, self.scenario, ratio.of_least))


class Speedup(NamedTuple):
    """How many times as long the Python program takes."""
    factor: float

    def words(self):
        return "%g times as fast as Python" % self.factor

    def has_column(self):
        return False

    def judge(self, turns, name, copy):
        ratio = turns.ratio((name, "Python"), (name, "ours"))
        return Judgement(ratio.median >= self.factor, "%.1f times" % ratio.median) if ratio else None


class Memory(NamedTuple):
    megabytes: float

    def words(self):
        return "%g MB" % self.megabytes

    def has_column(self):
        return True

    def judge(self, turns, name, copy):
        peak = turns.figures(name, "ours").megabytes
        return Judgement(peak <= self.megabytes, "%.1f MB" % peak)


class SameMemory(NamedTuple):
    """The peak is that of SCENARIO, or more by a SHARE of it at most."""
    share: float
    scenario: str

    def words(self):
        return "memory of %s + %d %%" % (self.scenario, self.share * 100)

    def has_column(self):
        return False

    def judge(self, turns, name, copy):
        other = turns.figures(self.scenario, "ours")
        if other is None:
            return None
        more = turns.figures(name, "ours").megabytes / other.megabytes - 1
        return Judgement(more <= self.share, "%+.0f %%" % (more * 100))


class NewBlocks(NamedTuple):
    """What the output takes of the disk."""
    megabytes: float

    def words(self):
        return "%g MB new" % self.megabytes

    def has_column(self):
        return False

    def judge(self, turns, name, copy):
        new = turns.figures(name, "ours").new_megabytes
        return Judgement(new < self.megabytes, "%.2f MB new" % new)


class Milliseconds(NamedTuple):
    most: float

    def words(self):
        return "%g ms" % self.most

    def has_column(self):
        return True

    def judge(self, turns, name, copy):
        taken = turns.figures(name, "ours").median * 1000
        return Judgement(taken <= self.most, "%.1f ms" % taken)
