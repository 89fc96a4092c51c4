"""What an API key, JSON and an Idempotency-Key cost over a plain urlencoded POST /send: instructions a mail, by callgrind."""

import base64
import contextlib
import http.client
import json
import re
import subprocess
import urllib.parse

import harness

FIELDS = {"from": "app@example.com", "to": "you@example.com", "subject": "Hello there", "text": "x" * 900 + "\n"}
FEW, MANY = 40, 240  # mails; the difference of two runs leaves out the start
MOST = 1.10          # of a plain mail's, for keys and JSON


def request(kind, key, number):
    """Body and headers of a mail."""
    headers = {"Content-Type": "application/json" if kind == "json" else "application/x-www-form-urlencoded"}
    body = json.dumps(FIELDS) if kind == "json" else urllib.parse.urlencode(FIELDS)
    if kind == "bearer":
        headers["Authorization"] = f"Bearer {key}"
    elif kind == "basic":
        headers["Authorization"] = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
    elif kind == "idempotency":
        headers["Idempotency-Key"] = f"key-{number}"
    return body, headers


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
                                f'allow: {{recipients: ["*"], senders: ["*"]}}\n{lines}')
        finally:
            harness.PROGRAM = program
        bench.start_nginx()
        connection = http.client.HTTPConnection("127.0.0.1", bench.port)
        for number in range(mails):
            content, headers = request(kind, key, number)
            connection.request("POST", "/send", content, headers)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise AssertionError(body)
        connection.close()
        bench.program.stop()
        return int(re.search(r"Collected : (\d+)", bench.program.output()).group(1))


def main():
    plain = None
    good = True
    for kind in ("plain", "bearer", "basic", "json", "idempotency"):
        each = (instructions(kind, MANY) - instructions(kind, FEW)) / (MANY - FEW)
        plain = plain or each
        missed = kind != "idempotency" and each > MOST * plain
        good = good and not missed
        print(f"instructions a mail, {kind:12} {each:8.0f}  {each / plain:5.3f} x plain{'  MISSED' if missed else ''}",
              flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
