"""A FastCGI client (responder role), for what nginx would not do or would hide: it can stop anywhere."""

import socket
import struct

BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
KEEP = 1


def record(kind, content=b"", request=1):
    padding = -len(content) % 8
    return struct.pack(">BBHHBB", 1, kind, request, len(content), padding, 0) + content + bytes(padding)


def stream(kind, content, size=32768):
    """The records of a stream, with the empty one that ends it."""
    pieces = [content[i:i + size] for i in range(0, len(content), size)]
    return b"".join(record(kind, piece) for piece in pieces) + record(kind)


def pair(name, value):
    def length(n):
        return bytes([n]) if n < 128 else struct.pack(">I", n | 1 << 31)
    return length(len(name)) + length(len(value)) + name + value


def request(method, path, body=b"", kind="", keep=False, **more):
    """A whole request's octets."""
    parameters = {"REQUEST_METHOD": method, "DOCUMENT_URI": path, "SCRIPT_NAME": path, "REMOTE_ADDR": "127.0.0.1",
                  "CONTENT_LENGTH": str(len(body)) if body else "", "CONTENT_TYPE": kind, **more}
    text = b"".join(pair(name.encode(), value.encode()) for name, value in parameters.items())
    begin = record(BEGIN, struct.pack(">HB5x", 1, KEEP if keep else 0))
    return begin + stream(PARAMS, text) + stream(STDIN, body)


class Reply:
    """What came back: ended is whether it is a whole answer."""

    def __init__(self, octets, ended):
        self.ended = ended
        head, _, self.body = octets.partition(b"\r\n\r\n")
        lines = head.decode(errors="replace").split("\r\n")
        self.headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        self.status = int(self.headers["Status"].split()[0]) if "Status" in self.headers else 200 if head else None

    def __repr__(self):
        return f"<{self.status} {'whole' if self.ended else 'cut off'} {self.body[:1000]!r}>"


def read(connection):
    """Reads up to the end of the request, or of the connection."""
    data = b""
    out = b""

    def need(n):
        nonlocal data
        while len(data) < n:
            try:
                more = connection.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return False
            data += more
        return True

    while need(8):
        _, kind, _, length, padding, _ = struct.unpack(">BBHHBB", data[:8])
        if not need(8 + length + padding):
            break
        content, data = data[8:8 + length], data[8 + length + padding:]
        if kind == STDOUT:
            out += content
        elif kind == END:
            return Reply(out, True)
    return Reply(out, False)


def connect(path, seconds=60):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    connection.connect(str(path))
    return connection


def ask(path, octets):
    """Sends the request on a connection of its own and reads what comes back."""
    with connect(path) as connection:
        try:
            connection.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read(connection)
