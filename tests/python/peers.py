"""What the checks share: running the program, counting what passed, and the bytes of a torch tensor."""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "tools"))


def program_from_arguments():
    if len(sys.argv) < 2:
        sys.exit(__import__("__main__").__doc__)
    return os.path.abspath(sys.argv[1])


def scratch():
    return tempfile.TemporaryDirectory(prefix="brainsurgery-check-")


class Tally:
    """Counts checks; a failure is printed at once and does not stop the rest."""

    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, name, problem):
        """`problem` is None when all is well."""
        if problem is None:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED %s: %s" % (name, problem), flush=True)

    def finish(self):
        if self.passed + self.failed == 0:
            print("nothing was checked")
            return 1
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed else 0


def run_plan(program, plan, folder):
    """Runs a plan, given as text or as the path of a file, in FOLDER; None, or what went wrong."""
    if not os.path.exists(plan):
        path = os.path.join(folder, "plan.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(plan)
        plan = path
    done = subprocess.run([program, "run", plan], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600)
    if done.returncode != 0:
        return "exit status %d: %s" % (done.returncode, done.stdout.decode(errors="replace"))
    return None


def same_file(left, right):
    """None, or where the first difference is."""
    with open(left, "rb") as a, open(right, "rb") as b:
        offset = 0
        while True:
            one, other = a.read(1 << 20), b.read(1 << 20)
            if one != other:
                at = next((i for i, (x, y) in enumerate(zip(one, other)) if x != y), min(len(one), len(other)))
                return "%s (%d bytes) and %s (%d bytes) differ at byte %d" % (
                    os.path.basename(left), os.path.getsize(left), os.path.basename(right), os.path.getsize(right),
                    offset + at)
            if not one:
                return None
            offset += len(one)


def raw(tensor):
    import torch
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
