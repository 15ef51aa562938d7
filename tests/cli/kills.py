#!/usr/bin/env python3
"""kill -9 at random moments of a run that replaces a checkpoint, and two runs into one target.

usage: kills.py PROGRAM [KILLS [SEED]]      (kills of sharded saves, by exchange and by journal each; 25)

After every kill the checkpoint is the old or the new one, never between: where the journal says that it is half
published, the program refuses to read it and the next run that writes there finishes it first. Nothing is left behind.
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 25
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else int.from_bytes(os.urandom(2), "little")
SHARDS = ", shard: 16KB"
failures = 0


def fail(what, process=None):
    global failures
    failures += 1
    print("FAILED:", what)
    if process is not None:
        print(process.stderr)


def call(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=300)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def digests(target):
    """Of all tensors; None where the program refuses to read, with what it says."""
    process = call("inspect", target, "--json", "--digest")
    if process.returncode != 0:
        return None, process.stderr
    return sorted((t["name"], t["sha256"]) for t in json.loads(process.stdout)["tensors"]), ""


def start(plan):
    return subprocess.Popen([PROGRAM, "run", plan], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


class Case:
    """A target that is written in turn by two plans, of different tensors and numbers of shards."""

    def __init__(self, name, target, options="", subfolder=False):
        self.name, self.target = name, target
        for which, count in (("a", 12), ("b", 9)):
            steps = "".join(f"- rand: {{target: t{i}, shape: [3000], seed: {i + count}}}\n" for i in range(count))
            write(f"{which}.yaml", f"transforms:\n{steps}output: {{path: {target}{options}}}\n")
        write("itself.yaml", f"inputs: [{target}]\noutput: {{path: {target}{options}}}\n")
        # A folder among the files cannot be linked into the new one: then it has to be the journal.
        if subfolder:
            os.makedirs(os.path.join(target, "foreign"))
            write(os.path.join(target, "foreign/file"), "kept")
        self.contents, self.entries = {}, {}
        for which in ("b", "a"):
            begin = time.monotonic()
            self.run(which)
            self.seconds = time.monotonic() - begin
            self.contents[which], self.entries[which] = digests(target)[0], self.listing()

    def run(self, plan):
        process = call("run", plan + ".yaml")
        if process.returncode != 0:
            fail(f"{self.name}: {plan} does not run", process)
        return process.returncode == 0

    def listing(self):
        names = [name for name in os.listdir(".") if self.target in name]
        if os.path.isdir(self.target):
            names += [os.path.join(self.target, name) for name in os.listdir(self.target)]
        return sorted(names)

    def which(self, contents):
        return next((name for name, known in self.contents.items() if known == contents), None)

    def survive(self, kills):
        counts = {"old": 0, "new": 0, "half": 0, "done": 0}
        now = "a"
        for number in range(kills):
            following = "b" if now == "a" else "a"
            process = start(following + ".yaml")
            if number % 2 == 0:  # at any moment; else when the new files are about to take the old ones' places
                time.sleep(random.uniform(0, 1.2) * self.seconds)
            else:
                self.wait(process, lambda: os.path.lexists(self.target + "/.brainsurgery-journal"))
                time.sleep(random.uniform(0, 0.1) * self.seconds)
            process.kill()
            process.communicate()
            counts["done"] += process.returncode == 0
            contents, message = digests(self.target)
            if contents is None:
                counts["half"] += 1
                if "was interrupted" not in message:
                    return fail(f"{self.name}, kill {number}: cannot be read: {message}")
                if not self.run("itself"):
                    return None
                contents, message = digests(self.target)
            before, now = now, self.which(contents)
            if now is None:
                return fail(f"{self.name}, kill {number}: neither old nor new: {message}{self.listing()}")
            counts["old" if now == before else "new"] += 1
            # A run over the checkpoint itself clears what is left.
            if not self.run("itself"):
                return None
            if digests(self.target)[0] != self.contents[now] or self.listing() != self.entries[now]:
                return fail(f"{self.name}, kill {number}: the next run leaves {self.listing()}")
        if not counts["old"] or not counts["new"]:
            print(f"{self.name}: all kills came too early or too late")
        print(f"{self.name}: {kills} kills: {counts}")
        return None

    @staticmethod
    def wait(process, condition):
        while process.poll() is None and not condition():
            time.sleep(0.0002)

    def has_staging(self):
        """A run that writes has looked at the target before."""
        try:
            staged = [name for name in self.listing() if ".brainsurgery-" in name]
            return any(not os.path.isdir(name) or os.listdir(name) for name in staged)
        except FileNotFoundError:
            return False

    def race(self):
        """The first run is stopped when it has begun to write; the second one goes through."""
        self.run("a")
        first = start("b.yaml")
        self.wait(first, self.has_staging)
        first.send_signal(signal.SIGSTOP)
        if not self.has_staging():  # it was faster
            first.send_signal(signal.SIGCONT)
            first.communicate()
            return False
        second = call("run", "itself.yaml")
        first.send_signal(signal.SIGCONT)
        message = first.communicate()[1]
        contents = self.which(digests(self.target)[0])
        if (second.returncode, first.returncode) == (0, 3):
            won = contents == "a" and "by another program" in message
        elif (second.returncode, first.returncode) == (3, 0):  # it held the lock already
            won = contents == "b" and "another program" in second.stderr
        else:
            won = False
        if not won:
            fail(f"{self.name}: {first.returncode} and {second.returncode}, {contents} stands there: {message}", second)
        self.run("a")
        if self.listing() != self.entries["a"]:
            fail(f"{self.name}: two runs leave {self.listing()}")
        return True


def main():
    random.seed(SEED)
    print(f"seed {SEED}")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        few = max(1, min(10, KILLS))
        for kills, words in ((KILLS, ("exchange", "sharded", SHARDS)), (KILLS, ("journal", "mixed", SHARDS, True)),
                             (few, ("torch", "model.pt")), (few, ("dcp", "parts", ", format: dcp"))):
            case = Case(*words)
            case.survive(kills)
            if not any([case.race() for _ in range(3)]):
                print(f"{case.name}: every first run was over before the second")
        os.chdir("/")
    sys.exit(1 if failures else 0)


main()
