"""The prompt on a real pseudo terminal: prompt_terminal.py PROGRAM, in an empty folder with plan.yaml in it."""

import os
import pty
import select
import signal
import sys
import time

PROMPT = "brainsurgery> "


class Terminal:
    """A child whose three streams are one terminal. What it shows is waited for, never slept for."""

    def __init__(self, arguments, environment=None):
        self.shown = ""
        self.seen = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.environ.update(environment or {})
            os.execv(arguments[0], arguments)

    def read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the child has closed it
            return False
        self.shown += data.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(data)

    def wait_for(self, text):
        """What came before the text, which is passed over."""
        end = time.monotonic() + 30
        while text not in self.shown[self.seen :]:
            if time.monotonic() > end or not self.read(end - time.monotonic()):
                raise SystemExit(f"FAILED: {text!r} is not shown; after {self.shown[:self.seen]!r} came {self.shown[self.seen:]!r}")
        at = self.shown.index(text, self.seen)
        before, self.seen = self.shown[self.seen : at], at + len(text)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def code(self):
        while self.read(30):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def expect(what, holds):
    if not holds:
        raise SystemExit(f"FAILED: {what}")


def session(program):
    terminal = Terminal([program, "run", "-i", "--no-sync", "plan.yaml"], {"NO_COLOR": "1"})
    expect("the hint", "exit or Ctrl-D ends" in terminal.wait_for(PROMPT))
    # Ctrl-C discards the current input, on the first line and in a block.
    terminal.type("delete: target: z")
    terminal.wait_for("delete: target: z")
    terminal.type("\x03")
    terminal.wait_for(PROMPT)
    terminal.type("- delete:\n")
    terminal.wait_for("... ")
    terminal.type("    target: z\n")
    terminal.wait_for("... ")
    terminal.type("\x03")
    terminal.wait_for(PROMPT)
    terminal.type("assert: exists: z\n")
    expect("z is still there", "error" not in terminal.wait_for(PROMPT))
    # An error in the middle of a block; the prompt goes on.
    terminal.type("- copy: {from: z, to: c}\n- copy: {from: x, to: d}\n- copy: {from: z, to: e}\n\n")
    terminal.wait_for("no tensor matches 'model::x'")
    terminal.wait_for(PROMPT)
    # A preview asks until it is answered; Ctrl-C is an answer.
    terminal.type("set: preview: true\n")
    terminal.wait_for(PROMPT)
    terminal.type("delete: target: c\n")
    terminal.wait_for("go/no-go [go/no-go, default no-go]: ")
    terminal.type("maybe\n")
    terminal.wait_for("Please answer")
    terminal.wait_for("go/no-go [go/no-go, default no-go]: ")
    terminal.type("\x03")
    terminal.wait_for("no-go, apply skipped")
    terminal.wait_for(PROMPT)
    terminal.type("copy: from: z, to: f\n")
    terminal.wait_for("go/no-go [go/no-go, default no-go]: ")
    terminal.type("go\n")
    terminal.wait_for(PROMPT)
    # The end of the input drops what is unfinished.
    terminal.type("- delete:\n")
    terminal.wait_for("... ")
    terminal.type("\x04")
    expect("exit code 0", terminal.code() == 0)
    expect("no colour with NO_COLOR", "\x1b[1" not in terminal.shown)
    with open("out.safetensors", "rb") as file:
        header = file.read().decode("latin-1")
    for name in "zcf":
        expect(f"'{name}' is written", f'"{name}"' in header)
    expect("no other tensor is", '"e"' not in header and '"d"' not in header)


def colours(program):
    terminal = Terminal([program, "run", "-i", "plan.yaml"], {"NO_COLOR": ""})
    terminal.wait_for("\x1b[1;36m" + PROMPT + "\x1b[0m")
    terminal.type("zap: a: 1\n")
    terminal.wait_for("\x1b[1;31merror:")
    terminal.type("exit\n")
    expect("exit code 0", terminal.code() == 0)


def ended_by(program, number):
    os.remove("out.safetensors")
    terminal = Terminal([program, "run", "-i", "plan.yaml"])
    terminal.wait_for(PROMPT)
    os.kill(terminal.pid, number)
    expect("exit code 3", terminal.code() == 3)
    expect("nothing is written", not os.path.exists("out.safetensors"))
    with open("out.safetensors", "wb"):
        pass


if __name__ == "__main__":
    session(sys.argv[1])
    colours(sys.argv[1])
    ended_by(sys.argv[1], signal.SIGTERM)
    ended_by(sys.argv[1], signal.SIGHUP)
