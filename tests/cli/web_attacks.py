#!/usr/bin/env python3
"""Attacks on the server of the page: requests of other pages and other names, without the token, out of the folder, too
large, too slow, too many.

    python3 web_attacks.py PROGRAM
"""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = os.path.abspath(sys.argv[1])
failures = []


def check(what, condition, seen=""):
    if not condition:
        failures.append(what)
        print(f"FAILED: {what} {seen}")


def write_safetensors(path, tensors):
    header, offset, data = {}, 0, b""
    for name, values in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [offset, offset + len(packed)]}
        offset += len(packed)
        data += packed
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


class Served:
    def __init__(self, folder, *arguments):
        self.process = subprocess.Popen([PROGRAM, "web", "--no-browser", "--port", "0", *arguments], cwd=folder,
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        text = b""
        while b"token=" not in text or not text.endswith(b"\n"):
            line = self.process.stderr.readline()
            if not line:
                raise SystemExit(f"the server did not start: {text.decode()}")
            text += line
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        port, self.token = re.search(rb"http://127.0.0.1:(\d+)/\?token=(\w+)", text).groups()
        self.port, self.token = int(port), self.token.decode()

    def ask(self, method, path, body=None, timeout=30, **headers):
        """Status, headers and body; `headers` replace those of a page of the server, None leaves one out."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": f"brainsurgery_{self.port}={self.token}"}
        if body is not None:
            sent |= {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self.port}"}
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, value in headers.items():
            sent[name.replace("_", "-")] = value
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None and "Content-Length" not in {name.title() for name in sent}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        try:
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def status(self, *arguments, **headers):
        return self.ask(*arguments, **headers)[0]

    def post(self, path, /, **body):
        status, _, text = self.ask("POST", path, body)
        return status, json.loads(text)

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextlib.contextmanager
def served(*arguments, tensors=None):
    with tempfile.TemporaryDirectory() as outer:
        folder = os.path.join(outer, "inside")
        os.mkdir(folder)
        write_safetensors(f"{folder}/a.safetensors", tensors or {"h.0.w": [1.0, 2.0], "h.1.w": [3.0, 4.0]})
        write_safetensors(f"{outer}/secret.safetensors", {"secret": [1.0]})
        os.symlink(f"{outer}/secret.safetensors", f"{folder}/link.safetensors")
        os.symlink(outer, f"{folder}/out")
        server = Served(folder, *arguments, "a.safetensors")
        try:
            yield server, folder, outer
            check("the server still runs", server.process.poll() is None)
            check("the server still answers", server.status("GET", "/api/session") == 200)
        finally:
            server.process.kill()
            server.process.wait()


def who_may_ask():
    with served() as (server, folder, outer):
        check("a page of the server", server.status("GET", "/api/session") == 200)
        check("its own origin", server.status("POST", "/api/preview", {"text": "exit"}) == 200)
        check("a program with the token", server.status("GET", "/api/session", Cookie=None,
                                                        Authorization=f"Bearer {server.token}") == 200)
        for path in ["/", "/page/app.js", "/page/style.css", "/api/session", "/api/events", "/api/openapi.json"]:
            check(f"{path} without a token", server.status("GET", path, Cookie=None) == 401)
            check(f"{path} with a wrong token", server.status(
                "GET", path, Cookie=f"brainsurgery_{server.port}={'0' * 64}") == 401)
        check("a part of the token", server.status(
            "GET", "/api/session", Cookie=f"brainsurgery_{server.port}={server.token[:-1]}") == 401)
        check("an empty token", server.status("GET", "/api/session", Cookie=f"brainsurgery_{server.port}=") == 401)
        check("the token in the address of a call", server.status("GET", f"/api/session?token={server.token}",
                                                                  Cookie=None) == 401)
        for host in ["evil.example", f"evil.example:{server.port}", f"127.0.0.1:{server.port + 1}", "127.0.0.1", "",
                     f"127.0.0.1:{server.port}.evil.example", f"localhost:{server.port}@evil.example"]:
            check(f"the host {host!r}", server.status("GET", "/api/session", Host=host) == 421)
        check("the host localhost", server.status("GET", "/api/session", Host=f"localhost:{server.port}") == 200)
        check("no host", server.status("GET", "/api/session", Host=None) in (400, 421))
        for origin in ["http://evil.example", "null", f"https://127.0.0.1:{server.port}", f"http://127.0.0.1:{server.port}.evil",
                       f"http://localhost:{server.port + 1}", "file://"]:
            check(f"the origin {origin!r}", server.status("POST", "/api/undo", {}, Origin=origin) == 403)
            check(f"the origin {origin!r} of a GET", server.status("GET", "/api/session", Origin=origin) == 403)
        check("a request across sites", server.status("POST", "/api/undo", {}, Sec_Fetch_Site="cross-site") == 403)
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
                     "text/plain; application/json", "application/jsonp"]:
            check(f"a body of {kind!r}", server.status("POST", "/api/undo", {}, Content_Type=kind) == 415)
        check("a body of JSON with a charset", server.status("POST", "/api/undo", {},
                                                             Content_Type="application/json; charset=utf-8") == 200)
        for method in ["PUT", "DELETE", "OPTIONS", "PATCH"]:
            check(f"the method {method}", server.status(method, "/api/session") >= 400)
        check("a call by the other method", server.status("GET", "/api/step") == 404)


def what_answers_carry():
    with served() as (server, folder, outer):
        status, headers, body = server.ask("GET", f"/?token={server.token}", Cookie=None)
        check("the page", status == 200 and b"<!doctype html>" in body)
        cookie = headers.get("Set-Cookie", "")
        check("the cookie", "HttpOnly" in cookie and "SameSite=Strict" in cookie and server.token in cookie, cookie)
        for path in ["/", "/page/app.js", "/api/session", "/nothing"]:
            _, headers, _ = server.ask("GET", path)
            policy = headers.get("Content-Security-Policy", "")
            check(f"the policy of {path}", "default-src 'none'" in policy and "unsafe" not in policy and
                  "frame-ancestors 'none'" in policy, policy)
            check(f"no sniffing of {path}", headers.get("X-Content-Type-Options") == "nosniff")
            check(f"no store of {path}", "no-store" in headers.get("Cache-Control", ""))
            check(f"nothing allowed across origins by {path}", not any("access-control" in name.lower() for name in headers))
        document = json.loads(server.ask("GET", "/api/openapi.json")[2])
        check("the OpenAPI document", "/api/step" in document["paths"] and document["openapi"].startswith("3."))
        for path, methods in document["paths"].items():
            for method in methods:
                seen = server.status(method.upper(), path, {} if method == "post" else None)
                check(f"{method} {path} answers", seen in (200, 400), seen)


def out_of_the_folder():
    with served() as (server, folder, outer):
        for path in ["../secret.safetensors", f"{outer}/secret.safetensors", "link.safetensors", "out/secret.safetensors",
                     "out/inside/../secret.safetensors", f"{folder}/../secret.safetensors", "./../secret.safetensors", "a.safetensors/../../secret.safetensors"]:
            status, answer = server.post("/api/open", path=path, alias="stolen")
            check(f"opening {path}", status == 400 and not answer["ok"], answer)
            status, answer = server.post("/api/step", text=json.dumps({"load": {"path": path, "alias": "stolen"}}))
            check(f"a step that opens {path}", status == 400, answer)
            check(f"the file {path}", server.status("GET", f"/api/file?path={path}") == 400)
        for path in ["../new.safetensors", f"{outer}/new.safetensors", "out/new.safetensors", "out/inside/../../new.safetensors"]:
            status, answer = server.post("/api/save", alias="model", path=path)
            check(f"writing {path}", status == 400, answer)
            check(f"{path} was written", not os.path.exists(f"{outer}/new.safetensors"))
        status, _, data = server.ask("GET", "/api/file?path=a.safetensors")
        check("a file of the folder", status == 200 and data == open(f"{folder}/a.safetensors", "rb").read())
        check("a folder is no file", server.status("GET", "/api/file?path=.") == 400)
        for path in ["..", "/", "out", "/etc", "../.."]:
            status, _, text = server.ask("GET", f"/api/files?path={path}")
            check(f"listing {path}", status == 400, text)
        listed = json.loads(server.ask("GET", "/api/files")[2])["entries"]
        check("the files", [entry["name"] for entry in listed] == ["a.safetensors"], listed)
        models = json.loads(server.ask("GET", "/api/session")[2])["models"]
        check("nothing was opened", [model["alias"] for model in models] == ["model"], models)
        for path in ["/page/../server.cpp", "/page/%2e%2e/%2e%2e/secret.safetensors", "/../../secret.safetensors", "/page/", "/page/nothing"]:
            check(f"the file {path}", server.status("GET", path) == 404)


def link_swapped_meanwhile():
    with served() as (server, folder, outer):
        stop = threading.Event()
        write_safetensors(f"{folder}/good.safetensors", {"good": [1.0]})

        def swap():
            while not stop.is_set():
                for target in (f"{folder}/good.safetensors", f"{outer}/secret.safetensors"):
                    with contextlib.suppress(OSError):
                        os.symlink(target, f"{folder}/swap.new")
                        os.replace(f"{folder}/swap.new", f"{folder}/swapped.safetensors")

        thread = threading.Thread(target=swap)
        thread.start()
        for i in range(100):
            server.post("/api/open", path="swapped.safetensors", alias=f"m{i}")
        stop.set()
        thread.join()
        names = set()
        for model in json.loads(server.ask("GET", "/api/session")[2])["models"]:
            answer = json.loads(server.ask("GET", f"/api/tensors?alias={model['alias']}")[2])
            names |= {tensor["name"] for tensor in answer["tensors"]}
        check("a link that is swapped leads nowhere", "secret" not in names, names)


def too_large():
    with served() as (server, folder, outer):
        check("10 GB announced", server.status("POST", "/api/step", b"{}", Content_Length=str(10 * 2**30)) in (400, 413))
        check("17 MB sent", server.status("POST", "/api/step", b'{"text": "' + b"x" * (17 << 20) + b'"}') == 413)
        deep = b'{"text": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
        check("deep JSON", server.status("POST", "/api/step", deep) == 400)
        check("deep YAML", server.status("POST", "/api/step", {"text": "[" * 100_000}) == 400)
        check("many keys", server.status("POST", "/api/step", {f"k{i}": 1 for i in range(100_000)}) == 400)
        wide = {"text": "copy: {from: a, to: b}\n" * 100_000}
        check("many steps", server.status("POST", "/api/preview", wide) in (200, 400))
        for body in [b"", b"null", b"[]", b"1", b'"x"', b"{", b'{"text": 1}', b'{"text": null}', b"\xff\xfe", b'{"text": "\\ud800"}',
                     b'{"text": "a", "texts": 1}']:
            check(f"the body {body!r}", server.status("POST", "/api/step", body) == 400)
        check("a long address", server.status("GET", "/api/tensors?alias=" + "x" * 100_000) >= 400)
        for query in ["alias=model&limit=x", "alias=model&limit=1e3", "alias=nobody", "alias=model&match=(", "", "alias=model&shape=-1",
                      "alias=model&shape=99999999999999999999"]:
            check(f"the query {query}", server.status("GET", f"/api/tensors?{query}") == 400)
        for query in ["rows=0", "rows=-1", "rows=1000000&columns=1000000", "columns=9223372036854775807&rows=2"]:
            check(f"the picture {query}", server.status("GET", f"/api/picture?alias=model&name=h.0.w&{query}") == 400)
        check("a block that is none", server.status("GET", "/api/values?alias=model&name=h.0.w&row=-1") == 400)
        check("many bins", server.status("GET", "/api/tensor?alias=model&name=h.0.w&bins=9000000000") == 400)
        # The address sanitizer keeps what was freed.
        limit = (1200 if "BRAINSURGERY_SANITIZED" in os.environ else 300) << 20
        check("memory stays", server.memory() < limit, server.memory())


def request_in_a_body():
    with served() as (server, folder, outer):
        inner = (f"POST /api/step HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
                 'Content-Type: application/json\r\nContent-Length: 40\r\n\r\n{"text": "delete: {target: \'.+\'}"}      ').encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(f"POST /api/step HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: http://evil.example\r\n"
                               f"Content-Type: text/plain\r\nContent-Length: {len(inner)}\r\n\r\n".encode() + inner)
            answer = b""
            with contextlib.suppress(OSError):
                while chunk := connection.recv(65536):
                    answer += chunk
        check("one answer to a request within a body", answer.count(b"HTTP/1.1 ") == 1, answer)
        state = json.loads(server.ask("GET", "/api/session")[2])
        check("the inner request was not done", state["history"] == [], state)


def slow_and_many():
    with served() as (server, folder, outer):
        slow = []
        for i in range(100):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(b"GET /api/session HTTP/1.1\r\nHo" if i % 2 else b"")
            slow.append(connection)
        half = socket.create_connection(("127.0.0.1", server.port))
        half.sendall(f"POST /api/step HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
                     "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{".encode())
        half.shutdown(socket.SHUT_WR)
        begun = time.monotonic()
        check("an answer beside slow clients", server.status("GET", "/api/session") == 200)
        check("which comes soon", time.monotonic() - begun < 5, time.monotonic() - begun)
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(server.status("GET", "/api/session", timeout=60)))
                   for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check("200 requests at once", seen.count(200) == 200, sorted(set(seen)))
        listeners = []
        for _ in range(64):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            connection.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                               f"Authorization: Bearer {server.token}\r\n\r\n".encode())
            listeners.append(connection)
        for connection in listeners:
            check("a listener is served", connection.recv(16).startswith(b"HTTP/1.1 200"))
        server.post("/api/step", text="copy: {from: h.0.w, to: copy}")
        heard = 0
        for connection in listeners:
            text = b""
            with contextlib.suppress(OSError):
                while b"event: changed" not in text and (chunk := connection.recv(65536)):
                    text += chunk
            heard += b"event: changed" in text
        check("all of 64 tabs hear of a change", heard == 64, heard)
        for connection in [*slow, half, *listeners]:
            connection.close()


def hostile_names():
    names = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a\x1b[31mred", "\u202eabc", "x'; drop", "a\nb", "\u2028"]
    with served(tensors={name: [1.0] for name in names}) as (server, folder, outer):
        status, headers, body = server.ask("GET", "/api/tensors?alias=model")
        check("names are JSON", headers["Content-Type"].startswith("application/json"))
        check("and come as they are", {tensor["name"] for tensor in json.loads(body)["tensors"]} == set(names))
        with open(f"{folder}/bad.safetensors", "wb") as file:
            file.write(struct.pack("<Q", 2**62) + b"{")
        with open(f"{folder}/bad.pt", "wb") as file:
            file.write(b"\x80\x02cos\nsystem\nq\x00X\x09\x00\x00\x00touch pwndq\x01\x85q\x02Rq\x03.")
        for path in ["bad.safetensors", "bad.pt"]:
            status, answer = server.post("/api/open", path=path)
            check(f"opening {path}", status == 400 and answer["error"], answer)
        check("no command was run", not os.path.exists(f"{folder}/pwnd"))


def read_only():
    with served("--read-only") as (server, folder, outer):
        before = sorted(os.listdir(folder))
        for path, body in [("/api/step", {"text": "delete: {target: '.+'}"}), ("/api/save", {"alias": "model", "path": "b.safetensors"}),
                           ("/api/undo", {}), ("/api/redo", {})]:
            check(f"{path} of a server that only reads", server.status("POST", path, body) == 403)
        check("a preview", server.status("POST", "/api/preview", {"text": "delete: {target: '.+'}"}) == 200)
        check("nothing was written", sorted(os.listdir(folder)) == before)


def ends():
    with tempfile.TemporaryDirectory() as folder:
        write_safetensors(f"{folder}/a.safetensors", {"w": [1.0]})
        server = Served(folder, "a.safetensors")
        listener = socket.create_connection(("127.0.0.1", server.port))
        listener.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode())
        listener.recv(100)
        check("a signal ends the server, with a listener", server.end() in (0, 3))
        for arguments, message in [(["--port", str(server.port), "--listen", "192.0.2.1"], "cannot listen"),
                                   (["--root", "nowhere"], "nowhere"), (["nothing.safetensors"], "nothing.safetensors"),
                                   (["--root", folder, PROGRAM], "")]:
            done = subprocess.run([PROGRAM, "web", "--no-browser", *arguments], cwd=folder, capture_output=True, text=True, timeout=30)
            check(f"web {arguments} fails", done.returncode in (2, 3) and message in done.stderr, done.stderr)


for attack in [who_may_ask, what_answers_carry, out_of_the_folder, link_swapped_meanwhile, too_large, request_in_a_body,
               slow_and_many, hostile_names, read_only, ends]:
    begun = time.monotonic()
    attack()
    print(f"{attack.__name__}: {time.monotonic() - begun:.1f} s")
sys.exit(f"{len(failures)} failed" if failures else 0)
