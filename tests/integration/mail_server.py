"""A real SMTP server (aiosmtpd) for tests: keeps each message as N.eml with its envelope in N.json.

mail_server.py DIR [--tls implicit|starttls|none] [--cert PEM --key PEM] [--user U --password P] [--tls-max 1.1] [--port N]
The port that was chosen is written to DIR/port once it accepts. While there is a file DIR/hold no mail is answered.
"""

import argparse
import asyncio
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Keeper:
    """Stores what arrives; a message is complete when its .json exists."""

    def __init__(self, directory):
        self.directory = directory
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        path = self.directory / str(self.count)
        path.with_suffix(".eml").write_bytes(envelope.content)
        about = {
            "mail_from": envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "helo": session.host_name,
        }
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(about))
        temporary.rename(path.with_suffix(".json"))
        while (self.directory / "hold").exists():
            await asyncio.sleep(0.02)
        return f"250 2.0.0 Ok: kept as {self.count}"


def tls_context(arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert, arguments.key)
    if arguments.tls_max == "1.1":
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


async def serve(arguments):
    keeper = Keeper(arguments.directory)
    context = tls_context(arguments) if arguments.tls != "none" else None

    def authenticate(server, session, envelope, mechanism, data):
        good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (
            arguments.user, arguments.password)
        return AuthResult(success=good, handled=False, auth_data=data if good else None)

    def make():
        return SMTP(
            keeper, hostname="mail.test", enable_SMTPUTF8=True, data_size_limit=64 * 1024 * 1024,
            tls_context=context if arguments.tls == "starttls" else None,
            require_starttls=arguments.tls == "starttls",
            authenticator=authenticate if arguments.user else None, auth_required=bool(arguments.user),
            auth_require_tls=arguments.tls == "starttls")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, arguments.host, arguments.port, ssl=context if arguments.tls == "implicit" else None)
    temporary = arguments.directory / "port.tmp"
    temporary.write_text(str(server.sockets[0].getsockname()[1]))
    temporary.rename(arguments.directory / "port")
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=["none", "implicit", "starttls"], default="none")
    parser.add_argument("--tls-max")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--user")
    parser.add_argument("--password")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
