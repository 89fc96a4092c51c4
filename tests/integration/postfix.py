"""Postfix with Dovecot's SASL, all of it in one directory: for AUTH as it is deployed.

Needs root, as Postfix does. Mails to anybody are accepted from whoever has authenticated, and discarded.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket

from harness import accepts, free_ports, wait_until

USER = "app@example.com"
PASSWORD = "s3cret Pä ss,w=rd"
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")
KEY = b"a key that signs the tests' tokens"

DOVECOT = """
base_dir = {dir}/run
state_dir = {dir}/run
log_path = {dir}/dovecot-auth.log
protocols =
ssl = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
disable_plaintext_auth = no
auth_failure_delay = 0
auth_verbose = yes
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = scheme=PLAIN username_format=%u {dir}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {dir}/spool/private/auth {{
    mode = 0666
    user = postfix
  }}
}}
"""

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
maillog_file = /dev/stdout
myhostname = mail.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
default_transport = discard:
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_tls_auth_only = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {ca}/valid.pem
smtpd_tls_key_file = {ca}/valid.key
smtpd_tls_loglevel = 1
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_error_sleep_time = 0
smtpd_junk_command_limit = 1000
smtpd_client_connection_count_limit = 0
"""

MASTER = """
127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{implicit} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def token(user=USER, key=KEY, expires=4102444800, padding=0):
    """A JSON web token (HS256) as Dovecot validates it."""
    def part(octets):
        return base64.urlsafe_b64encode(octets).rstrip(b"=")

    claims = {"sub": user, "iss": "tests", "iat": 1, "nbf": 1, "exp": expires, "padding": "x" * padding}
    text = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.new(key, text, hashlib.sha256).digest())).decode()


class Postfix:
    """Both servers; ports by the name of the program's tls setting."""

    def __init__(self, bench):
        self.bench = bench
        self.dir = bench.dir / "postfix"
        self.ports = dict(zip(("starttls", "implicit"), free_ports(2)))
        self.write_files()
        self.dovecot = bench.start(["dovecot", "-F", "-c", self.dir / "dovecot.conf"], "dovecot")
        wait_until(self.sasl_answers, "Dovecot")
        self.postfix = bench.start(["postfix", "-c", self.dir / "etc", "start-fg"], "postfix")
        wait_until(lambda: all(accepts(port) for port in self.ports.values()) or not self.postfix.alive(), "Postfix")
        if not self.postfix.alive():
            raise AssertionError(self.postfix.output())

    def close(self):
        """Ends Postfix' master, which has left the process that it was started as, and its children with it."""
        pid_file = self.dir / "spool" / "pid" / "master.pid"
        pid = int(pid_file.read_text()) if pid_file.exists() else 0
        if pid and self.postfix.alive():
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not self.postfix.alive(), "Postfix to end")

    def write_files(self):
        owner = pwd.getpwnam("postfix").pw_uid
        for name in ("etc", "spool", "data", "run", "keys/default/HS256"):
            (self.dir / name).mkdir(parents=True)
            (self.dir / name).chmod(0o755)
        self.dir.chmod(0o755)
        os.chown(self.dir / "data", owner, -1)
        private = self.dir / "spool" / "private"
        private.mkdir()
        private.chmod(0o700)
        os.chown(private, owner, -1)
        values = {"dir": self.dir, "ca": self.bench.certificates(), **self.ports}
        (self.dir / "dovecot.conf").write_text(DOVECOT.format(**values))
        (self.dir / "oauth2.conf").write_text(
            f"introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={self.dir}/keys/\n"
            "username_attribute = sub\n")
        (self.dir / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (self.dir / "keys/default/HS256/default").write_bytes(base64.b64encode(KEY))
        (self.dir / "etc" / "main.cf").write_text(MAIN.format(**values))
        (self.dir / "etc" / "master.cf").write_text(MASTER.format(**values))
        for path in (self.dir / "etc").iterdir():
            path.chmod(0o644)

    def sasl_answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(str(self.dir / "spool" / "private" / "auth"))
            return True
        except OSError:
            if not self.dovecot.alive():
                raise AssertionError(self.dovecot.output()) from None
            return False

    def logins(self):
        """(mechanism, user) of each mail whose sender had authenticated, in order."""
        return re.findall(r"sasl_method=(\S+), sasl_username=(\S+)", self.postfix.output())

    def explain(self):
        """What the servers have to say of a failure."""
        log = self.dir / "dovecot-auth.log"
        return self.postfix.output() + (log.read_text(errors="replace") if log.exists() else "")


def missing():
    """Why the servers cannot be run here; "" if they can."""
    if os.getuid() != 0:
        return "Postfix needs root"
    absent = [name for name in ("postfix", "dovecot") if not shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")]
    return f"not installed: {absent}" if absent else ""
