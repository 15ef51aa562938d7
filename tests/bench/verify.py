"""Holds what the programs write against what by_hand.py writes."""
import os
import subprocess
import sys

import compare
from turns import Failed, perform, remove

HERE = os.path.dirname(os.path.abspath(__file__))
EXCESS_LIMIT = 1e-5  # of the error of low-rank factors


def factors_differ(workshop, source, expected, found):
    command = [workshop.interpreter, os.path.join(HERE, "excess.py"), source, expected, found]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return done.stderr.strip().splitlines()[-1]
    excess = float(done.stdout)
    return None if excess <= EXCESS_LIMIT else "the error exceeds the least possible by %.1e" % excess


def differs(workshop, scenario, entry):
    expected = workshop.expected(scenario)
    if scenario.same == "factors":
        return factors_differ(workshop, entry.sources[0], expected, entry.target)
    if scenario.same == "bytes" and entry.who == "ours":
        return compare.files_differ(expected, entry.target)
    return compare.tensors_differ(expected, entry.target)


def verify_scenario(workshop, scenario):
    """The mistakes of one scenario, a line each."""
    mistakes = []
    try:
        perform(workshop.by_hand(scenario, workshop.expected(scenario)))
    except Failed as failure:
        return ["%s, by hand: %s" % (scenario.name, failure)]
    contestants = [workshop.ours(scenario)]
    if workshop.has_python(scenario):
        contestants.append(workshop.python(scenario))
    for entry in contestants:
        try:
            perform(entry)
            mistake = differs(workshop, scenario, entry)
        except Failed as failure:
            mistake = str(failure)
        if mistake:
            mistakes.append("%s, %s: %s" % (scenario.name, entry.who, mistake))
    return mistakes


def verify(workshop, scenarios):
    """Whether all wrote the same; prints what differs."""
    mistakes = []
    for scenario in scenarios:
        if "by hand" not in scenario.peers:
            continue
        remove(workshop.expected(scenario))
        found = verify_scenario(workshop, scenario)
        workshop.clear(scenario)
        print("%-16s %s" % (scenario.name, "differs" if found else "verified"), file=sys.stderr)
        mistakes += found
    for mistake in mistakes:
        print("NOT VERIFIED: " + mistake)
    return not mistakes
