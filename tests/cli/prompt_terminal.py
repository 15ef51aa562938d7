"""The prompt on a real pseudo terminal: prompt_terminal.py PROGRAM, in an empty folder with plan.yaml in it."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PROMPT = "brainsurgery> "


class Terminal:
    """A child whose three streams are one terminal. What it shows is waited for, never slept for."""

    def __init__(self, arguments, environment=None, rows=24, columns=80):
        self.shown = ""
        self.seen = 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.environ.pop("XDG_STATE_HOME", None)
            os.environ.update({"HOME": os.getcwd(), "TERM": "xterm", "NO_COLOR": "1", "PAGER": "cat", **(environment or {})})
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

    def ask(self, line):
        """What is shown between the line and the next prompt."""
        self.type(line + "\n")
        self.wait_for(line)
        return self.wait_for(PROMPT)

    def leave(self):
        self.type("\x04")
        expect("exit code 0", self.code() == 0)

    def code(self):
        end = time.monotonic() + 30
        while self.read(1) or os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise SystemExit(f"FAILED: it does not end; the last it shows is {self.shown[-300:]!r}")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def expect(what, holds):
    if not holds:
        raise SystemExit(f"FAILED: {what}")


def session(program):
    terminal = Terminal([program, "run", "-i", "--no-sync", "plan.yaml"])
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
    terminal.wait_for("\x1b[1;36m" + PROMPT.strip() + "\x1b[0m ")
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


def write_model(path, tensors):
    """A checkpoint of float32 tensors; their elements count up."""
    header, data = {}, b""
    for name, shape in tensors.items():
        count = 1
        for size in shape:
            count *= size
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * count]}
        data += struct.pack(f"<{count}f", *range(count))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def completes(program):
    """What Tab makes of a line is seen by what the line does."""
    terminal = Terminal([program, "repl", "model.safetensors"])
    terminal.wait_for(PROMPT)
    terminal.type("scale_: tar\th.0.w\t by: 2\n")  # the name is complete: Tab leads on to the next key
    terminal.wait_for("1 changed")
    terminal.wait_for(PROMPT)
    expect("names by segment", "scale_: target: h.0.w" in terminal.ask("history"))
    terminal.type("cast_: target: h.0.b, to: bfl\t\n")
    terminal.wait_for("1 changed")
    terminal.wait_for(PROMPT)
    # Continuation lines know where they are.
    terminal.type("- cop\t\n")
    terminal.wait_for("... ")
    terminal.type("    fr\tln\t\n")
    terminal.wait_for("... ")
    terminal.type("    to: new\n")
    terminal.wait_for("... ")
    terminal.type("\n")
    terminal.wait_for("1 created")
    terminal.wait_for(PROMPT)
    # Several candidates: they are listed, and Tab goes through them.
    terminal.type("show h.0.\t")
    terminal.wait_for("b  w")
    terminal.type("\t\t\n")
    terminal.wait_for("h.0.w  float32 [2, 3]")
    terminal.wait_for(PROMPT)
    # Numbers in names count as numbers.
    terminal.type("show h.\t")
    terminal.wait_for("0.b  0.w  1.b  1.w")
    terminal.type("\x15")
    # Files, models, topics of help.
    terminal.type("load: alias: m2, path: model.s\t\n")
    terminal.wait_for(PROMPT)
    terminal.type("show m2::h.1.\tw\n")
    terminal.wait_for("m2::h.1.w")
    terminal.wait_for(PROMPT)
    terminal.type("help asse\t exis\t\n")
    terminal.wait_for("exists")
    terminal.wait_for(PROMPT)
    terminal.leave()


def remembers(program):
    """Up, Ctrl-R and the next session."""
    terminal = Terminal([program, "repl", "model.safetensors"])
    terminal.wait_for(PROMPT)
    terminal.ask("scale_: target: h.0.w, by: 3")
    terminal.ask("undo")
    terminal.type("\x1b[A\x1b[A\n")
    terminal.wait_for("1 changed")
    terminal.wait_for(PROMPT)
    terminal.type("- copy:\n    from: ln\n    to: again\n\n")
    terminal.wait_for("1 created")
    terminal.wait_for(PROMPT)
    terminal.leave()
    terminal = Terminal([program, "repl", "model.safetensors"])
    terminal.wait_for(PROMPT)
    terminal.type("\x12by: 3\n")
    terminal.wait_for("1 changed")
    terminal.wait_for(PROMPT)
    terminal.type("\x1b[A\x1b[A\n\n")  # a block comes back as a whole
    terminal.wait_for("1 created")
    terminal.wait_for(PROMPT)
    expect("what came back", "copy: from: ln, to: again" in terminal.ask("history"))
    terminal.leave()
    expect("the file", b"scale_: target: h.0.w, by: 3\n" in read(".local/state/brainsurgery/history"))


def takes_back(program):
    """undo, redo and the plan, which makes the same bit for bit."""
    terminal = Terminal([program, "repl", "--no-sync", "model.safetensors"], columns=200)
    terminal.wait_for(PROMPT)
    terminal.ask("rand: target: noise, shape: [5, 5]")
    expect("undo", "took back rand: target: noise" in terminal.ask("undo"))
    expect("it is gone", "no tensor matches" in terminal.ask("show noise"))
    expect("redo", "did again rand" in terminal.ask("redo"))
    terminal.ask("dump: verbosity: shape")
    terminal.ask("zap: a: 1")
    terminal.ask("rand: target: more, shape: [4]")
    shown = terminal.ask("compute: match: 'h\\.(\\d+)\\.w', to: 'n.\\1.${i + 1}', as: 'x / norm(x)', each: {i: [1, 2]}, where: 'i > 0'")
    expect(f"expressions and each at the prompt: {shown!r}", "4 created" in shown)
    terminal.ask("fill_: target: ln, mode: rand")
    expect("undo of what was done", "took back fill_" in terminal.ask("undo"))
    terminal.ask("write kept.yaml")
    terminal.ask("save: path: mine.safetensors")
    terminal.leave()
    code = os.spawnv(os.P_WAIT, program, [program, "--no-summarize", "-q", "kept.yaml", "output=again.safetensors"])
    expect("the plan runs", code == 0)
    expect("the plan makes the same", read("mine.safetensors") == read("again.safetensors"))
    expect("steps that look are no part of it", b"dump" not in read("kept.yaml"))


def types_ahead(program):
    """What is typed before the prompt is there arrives, and in the lines of a question too."""
    terminal = Terminal([program, "repl", "model.safetensors"])
    terminal.type("set: preview: true\ndelete: target: ln\ngo\nls ln\n")
    terminal.wait_for("no tensor matches")
    terminal.wait_for(PROMPT)
    terminal.leave()


def fits(program):
    """A narrow terminal, and characters of several bytes."""
    terminal = Terminal([program, "repl", "model.safetensors"], rows=10, columns=20)
    terminal.wait_for(PROMPT)
    terminal.type("copy: from: h.0.w, to: a.long.name.of.a.tensor\x1b[D\x1b[D\x7f\n")
    terminal.wait_for("1 created")
    terminal.type("copy: from: h.0.w, to: \u00e4\u4f8b\n")
    terminal.wait_for("1 created")
    terminal.type("ls (a.*|\u00e4.*)\n")
    terminal.wait_for("a.long.name.of.a.tenor")
    terminal.wait_for("\u00e4\u4f8b")
    terminal.wait_for("2 tensors")
    terminal.type("\x1b[A\x03")
    terminal.wait_for(PROMPT)
    terminal.leave()


def is_safe(program):
    """Names with escape sequences reach the terminal as text."""
    write_model("hostile.safetensors", {"evil\x1b]0;owned\x07.w": [2], "evil\x1b[2J.b": [2]})
    terminal = Terminal([program, "repl", "hostile.safetensors"])
    terminal.wait_for(PROMPT)
    for line in ("ls", "ls evil.*", "dump", "show evil"):
        shown = terminal.ask(line)
        expect(f"{line} shows the names as text: {shown!r}", "\\x1b" in shown and "\x1b]0" not in shown and "\x1b[2J" not in shown)
    terminal.type("show e\t")
    time.sleep(0.2)
    terminal.type("\x15\n")
    terminal.wait_for(PROMPT)
    expect("completion does not insert them", "\x1b[2J" not in terminal.shown and "\x1b]0" not in terminal.shown)
    terminal.leave()


def helps(program):
    """Hints in grey where there is colour, and a pager for what is longer than the terminal."""
    terminal = Terminal([program, "repl", "model.safetensors"], {"NO_COLOR": ""})
    terminal.wait_for(PROMPT.strip())
    terminal.type("scale_: ")
    terminal.wait_for("\x1b[90mtarget: ..., by: ...")
    terminal.type("\x15exit\n")
    expect("exit code 0", terminal.code() == 0)
    terminal = Terminal([program, "repl", "model.safetensors"], {"PAGER": "sed s/^/paged/"})
    terminal.wait_for(PROMPT)
    expect("a long text is paged", "pagedAt the prompt" in terminal.ask("help"))
    expect("a short one is not", "paged" not in terminal.ask("ls"))
    terminal.leave()


def opens_quickly(program):
    """700 GB that are not there."""
    count, size = 700, 1 << 30
    header = {f"h.{i}.w": {"dtype": "BF16", "shape": [size // 2], "data_offsets": [i * size, (i + 1) * size]} for i in range(count)}
    text = json.dumps(header).encode()
    with open("huge.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        try:
            file.truncate(8 + len(text) + count * size)
        except OSError:
            return  # the file system has no such files
    begin = time.monotonic()
    terminal = Terminal([program, "repl", "huge.safetensors"])
    terminal.wait_for(PROMPT)
    expect("all tensors", "[0-699]" in terminal.ask("ls"))
    seconds = time.monotonic() - begin
    expect(f"a model of 700 GB opens within a few seconds, not {seconds:.1f}", seconds < 5)
    terminal.leave()
    os.remove("huge.safetensors")


if __name__ == "__main__":
    session(sys.argv[1])
    colours(sys.argv[1])
    ended_by(sys.argv[1], signal.SIGTERM)
    ended_by(sys.argv[1], signal.SIGHUP)
    write_model("model.safetensors", {"h.0.w": [2, 3], "h.0.b": [3], "h.1.w": [2, 3], "h.1.b": [3], "ln": [4]})
    for test in (completes, remembers, takes_back, types_ahead, fits, is_safe, helps, opens_quickly):
        test(sys.argv[1])
