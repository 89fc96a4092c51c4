"""What others find in a mail: Python's email and npm's mailparser, in one shape that can be compared.

Both give a Mail. Where a reader is known to lose or add something, that is undone or left out here, and said.
"""

import base64
import dataclasses
import datetime
import email
import email.errors
import email.policy
import json
import re
import subprocess

import npm

PARTS_MAX = 998


@dataclasses.dataclass
class Mail:
    subject: str
    froms: list  # (display name, local part, domain); groups are (name, [members])
    sender: list
    reply_to: list
    to: list
    cc: list
    bcc: list
    message_id: str
    in_reply_to: list
    references: list
    date: datetime.datetime
    headers: dict  # X-..., names in lower case
    text: str
    html: str
    inlines: list  # (name, Content-ID, type, octets)
    attachments: list  # (name, type, octets)


# -- Python

# Both filename* and filename stand in a field on purpose (RFC 6266 4.3, for readers that know only one); Python calls
# the second one a defect.
BOTH_NAMES = "duplicate parameter name; duplicate ignored"


def check_raw(content, composed):
    """What holds of every mail, whatever reads it."""
    head, _, _ = content.partition(b"\r\n\r\n")
    bare = re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    assert bare is None, f"a bare line end at {bare.start()}"
    longest = max(content.split(b"\r\n"), key=len)
    assert len(longest) <= PARTS_MAX, f"a line of {len(longest)} octets: {longest[:200]}"
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^\s]+\?=", head)), "an encoded word of over 75 octets"
    assert not re.search(rb"(?im)^bcc", head), "a Bcc"
    for line in head.split(b"\r\n"):
        assert line.strip(b" \t"), "a line of white space in the header"
        # RFC 2047 2; others may be longer where nothing can be folded. Whole messages are as Python folds them.
        assert len(line) <= (76 if composed else 120) or b"=?" not in line, f"a long line with an encoded word: {line}"


# A local part that is not ASCII is right in a mail that goes by SMTPUTF8 (RFC 6532 3.2).
UTF8_LOCAL_PART = email.errors.NonASCIILocalPartDefect


def is_expected(name, value, defect):
    if name == "Content-Disposition":
        return str(defect) == BOTH_NAMES and "filename" in value.params
    return isinstance(defect, UTF8_LOCAL_PART) and any(not one.username.isascii() for one in value.addresses)


def defects_of(part):
    found = list(part.defects)
    for name, value in part.items():
        found += [(name, defect) for defect in getattr(value, "defects", []) if not is_expected(name, value, defect)]
    return found


def addresses_in(part, name):
    value = part[name]
    if value is None:
        return []
    found = []
    for group in value.groups:
        members = [(one.display_name, one.username, one.domain) for one in group.addresses]
        found += members if group.display_name is None else [(group.display_name, members)]
    return found


def text_of(part):
    octets = part.get_payload(decode=True)
    assert part.get_content_charset() == "utf-8", part["Content-Type"]
    return re.sub("\r\n|\r|\n", "\n", octets.decode("utf-8"))


def leaves(part):
    if part.get_content_maintype() != "multipart":
        return [part]
    assert part.get_content_type() in ("multipart/mixed", "multipart/alternative", "multipart/related"), part["Content-Type"]
    return [leaf for one in part.iter_parts() for leaf in leaves(one)]


def parse_with_python(content):
    """Fields in UTF-8 (RFC 6532) are read by Python only if it gets characters."""
    if content.isascii():
        return email.message_from_bytes(content, policy=email.policy.strict)
    return email.message_from_string(content.decode("utf-8"), policy=email.policy.strict)


def read_with_python(content):
    message = parse_with_python(content)
    texts, htmls, inlines, attachments = [], [], [], []
    for part in message.walk():
        assert defects_of(part) == [], defects_of(part)
    for part in leaves(message):
        disposition = part.get_content_disposition()
        name = part["Content-Disposition"].params.get("filename", "") if disposition else ""
        if disposition == "inline":
            inlines.append((name, part["Content-ID"], part.get_content_type(), part.get_payload(decode=True)))
        elif disposition == "attachment":
            attachments.append((name, part.get_content_type(), part.get_payload(decode=True)))
        else:
            (htmls if part.get_content_type() == "text/html" else texts).append(text_of(part))
    assert len(texts) <= 1 and len(htmls) <= 1, (texts, htmls)
    return Mail(
        subject=str(message["Subject"] or ""), froms=addresses_in(message, "From"), sender=addresses_in(message, "Sender"),
        reply_to=addresses_in(message, "Reply-To"), to=addresses_in(message, "To"), cc=addresses_in(message, "Cc"),
        bcc=addresses_in(message, "Bcc"), message_id=str(message["Message-ID"]).strip(),
        in_reply_to=str(message["In-Reply-To"] or "").split(), references=str(message["References"] or "").split(),
        date=message["Date"].datetime, headers={name.lower(): str(value) for name, value in message.items() if name.startswith("X-")},
        text=texts[0] if texts else None, html=htmls[0] if htmls else None, inlines=inlines, attachments=attachments)


# -- mailparser

def split_address(address):
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return local, domain


def mailparser_addresses(values):
    found = []
    for one in values:
        if "group" in one:
            found.append((one["name"], mailparser_addresses(one["group"])))
        else:
            found.append((one["name"], *split_address(one["address"])))
    return found


def listed(value):
    return [] if value is None else value if isinstance(value, list) else value.split()


def mail_of_mailparser(line):
    read = json.loads(line)
    inlines, attachments = [], []
    for file in read["attachments"]:
        octets = base64.b64decode(file["content"])
        if file["disposition"] == "inline":
            inlines.append((file.get("name", ""), f"<{file.get('cid')}>", file["type"].lower(), octets))
        else:
            attachments.append((file.get("name", ""), file["type"].lower(), octets))
    return Mail(
        subject=read.get("subject", ""), froms=mailparser_addresses(read["from"]), sender=mailparser_addresses(read["sender"]),
        reply_to=mailparser_addresses(read["reply_to"]), to=mailparser_addresses(read["to"]), cc=mailparser_addresses(read["cc"]),
        bcc=mailparser_addresses(read["bcc"]), message_id=read["message_id"], in_reply_to=listed(read.get("in_reply_to")),
        references=listed(read.get("references")), date=datetime.datetime.fromisoformat(read["date"].replace("Z", "+00:00")),
        headers=read["headers"], text=read.get("text"), html=read.get("html") or None, inlines=inlines, attachments=attachments)


def read_with_mailparser(paths):
    """All mails at once: a Mail for each path."""
    done = subprocess.run(["node", "read_mail.mjs"], cwd=npm.install(), input="".join(f"{path}\n" for path in paths), text=True,
                          stdout=subprocess.PIPE, check=True)
    return [mail_of_mailparser(line) for line in done.stdout.split("\n") if line]
