"""What a key, JSON, a web-site form and an Idempotency-Key cost over a plain urlencoded POST /send: instructions a mail, by
callgrind.
"""

import base64
import contextlib
import http.client
import json
import re
import subprocess
import urllib.parse

import harness
from goals import Goals

FIELDS = {"from": "app@example.com", "to": "you@example.com", "subject": "Hello there", "text": "x" * 900 + "\n"}
FEW, MANY = 40, 240  # mails; the difference of two runs leaves out the start
MOST = 1.10          # of a plain mail's
JUDGED = ("form", "bearer", "basic", "json")  # an Idempotency-Key is more work: that is only told
VISITOR = {"email": "you@example.com", "subject": "Hello there", "message": FIELDS["text"]}
FORM = """forms:
  contact: {to: [you@example.com], from: app@example.com, subject: "{{subject}}", text: "{{message}}", honeypot: website}
"""


def request(kind, key, number):
    """Path, body and headers of a mail."""
    headers = {"Content-Type": "application/json" if kind == "json" else "application/x-www-form-urlencoded"}
    if kind == "form":
        headers["Accept"] = "application/json"
        return "/form/contact", urllib.parse.urlencode(VISITOR), headers
    body = json.dumps(FIELDS) if kind == "json" else urllib.parse.urlencode(FIELDS)
    if kind == "bearer":
        headers["Authorization"] = f"Bearer {key}"
    elif kind == "basic":
        headers["Authorization"] = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    elif kind == "idempotency":
        headers["Idempotency-Key"] = f"key-{number}"
    return "/send", body, headers


def instructions(kind, mails):
    with contextlib.closing(harness.Bench()) as bench:
        mail = bench.start_mail_server()
        run = subprocess.run([harness.PROGRAM, "--new-key", "bench"], capture_output=True, text=True, check=True)
        key, _, lines = run.stdout.partition("\n")
        lines = lines.replace("recipients: []", 'recipients: ["*"]').replace("senders: []", 'senders: ["*"]')
        program, wrapper = harness.PROGRAM, bench.dir / "callgrind.sh"
        wrapper.write_text("#!/bin/sh\n"
                           f'exec valgrind --tool=callgrind --callgrind-out-file={bench.dir}/out {program} "$@"\n')
        wrapper.chmod(0o755)
        harness.PROGRAM = wrapper
        try:
            bench.start_program(f"sandbox: off\nserver: {{host: 127.0.0.1, port: {mail.port}, tls: none}}\nworkers: 2\n"
                                f'allow: {{recipients: ["*"], senders: ["*"]}}\n{FORM}{lines}')
        finally:
            harness.PROGRAM = program
        bench.start_nginx()
        connection = http.client.HTTPConnection("127.0.0.1", bench.port)
        for number in range(mails):
            path, content, headers = request(kind, key, number)
            connection.request("POST", path, content, headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise AssertionError(body)
        connection.close()
        bench.program.stop()
        return int(re.search(r"Collected : (\d+)", bench.program.output()).group(1))


def main():
    goals = Goals()
    plain = None
    for kind in ("plain", "form", "bearer", "basic", "json", "idempotency"):
        each = (instructions(kind, MANY) - instructions(kind, FEW)) / (MANY - FEW)
        plain = plain or each
        what = f"instructions a mail, {kind}: {each:.0f}"
        if kind in JUDGED:
            goals.at_most(what, each / plain, "x plain", MOST)
        else:
            print(f"{what:<46} {each / plain:6.2f} x plain", flush=True)
    return goals.end()


if __name__ == "__main__":
    raise SystemExit(main())
