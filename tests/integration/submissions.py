"""Random mails, each as a form to post and as what a reader of the mail must find.

submission(seed) gives the same one every time. Nothing here knows how the program composes.
"""

import base64
import dataclasses
import datetime
import email.header
import email.headerregistry
import email.message
import email.policy
import email.utils
import json
import random
import re
import string
import urllib.parse
import uuid

SCRIPTS = {
    "latin": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789äöüÄÖÜßéèàçñåøłşğ",
    "ascii": string.ascii_letters + string.digits,
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяЁЙ",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "cjk": "日本語漢字仮名交文中国話繁體简体天地人山川",
    "kana": "あいうえおカキクケコ",
    "hangul": "가나다라마바사아자차카타파하",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "emoji": "😀🎉👍🏽🇩🇪❤️👩‍💻",
    "combining": "e\u0301o\u0308a\u030an\u0303c\u0327",
}
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
EDGES = [0, 1, 2, 56, 57, 58, 74, 75, 76, 77, 78, 79, 80, 113, 114, 115, 150, 300, 996, 997, 998, 999, 1000, 1001, 2500]
CHARSETS = {
    "iso-8859-1": "latin text äöüßéèàçñåø",
    "iso-8859-15": "latin text äöüß€",
    "windows-1252": "latin text “äöüß” – €",
    "koi8-r": "абвгдежзийклмнопрст text",
    "windows-1251": "абвгдежзийклмнопрст text",
    "iso-2022-jp": "日本語漢字 text",
    "shift_jis": "日本語漢字あいうえおカキクケコ text",
    "euc-kr": "가나다라마바사아자차 text",
    "gb18030": "中国話简体😀 text",
    "big5": "中國話繁體 text",
    "utf-16le": "日本語 äöü 😀 text",
}
TYPES = {"pdf": "application/pdf", "txt": "text/plain", "png": "image/png", "csv": "text/csv", "zip": "application/zip",
         "html": "text/html", "jpg": "image/jpeg"}
OCTETS = "application/octet-stream"


@dataclasses.dataclass
class File:
    name: str  # as a reader finds it
    type: str  # media type without parameters
    content: bytes
    given_name: str = ""
    given_type: str = ""


@dataclasses.dataclass
class Group:
    name: str
    mailboxes: list


@dataclasses.dataclass
class Submission:
    """What is posted: body and type. What must be read: everything else."""

    body: bytes = b""
    type: str = ""
    subject: str = ""
    froms: list = dataclasses.field(default_factory=list)  # (display name, local part, domain)
    sender: tuple = None
    reply_to: list = dataclasses.field(default_factory=list)
    to: list = dataclasses.field(default_factory=list)  # these or Group
    cc: list = dataclasses.field(default_factory=list)
    return_path: tuple = None
    recipients: list = dataclasses.field(default_factory=list)  # (local part, domain)
    message_id: str = None
    in_reply_to: list = dataclasses.field(default_factory=list)
    references: list = dataclasses.field(default_factory=list)
    date: str = None
    headers: dict = dataclasses.field(default_factory=dict)
    text: str = None
    html: str = None
    inlines: list = dataclasses.field(default_factory=list)
    attachments: list = dataclasses.field(default_factory=list)
    whole: bool = False  # posted as `message`
    forbidden: list = dataclasses.field(default_factory=list)  # addresses that may not be in the message


class Maker:
    """Makes one submission. fields is the form: (name, str) or (name, File)."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.made = Submission()
        self.fields = []
        self.unique = 0
        self.charset = None  # of a form that is not UTF-8

    def chance(self, probability):
        return self.rng.random() < probability

    # -- texts

    def alphabet(self):
        return CHARSETS[self.charset] if self.charset else SCRIPTS[self.rng.choice(list(SCRIPTS))]

    def word(self, longest=12, alphabet=None):
        alphabet = alphabet or self.alphabet().replace(" ", "")
        return "".join(self.rng.choice(alphabet) for _ in range(self.rng.randint(1, longest)))

    def words(self, octets):
        """About that many octets of words in one script or several, with punctuation."""
        one = self.alphabet().replace(" ", "") if self.chance(0.6) else None
        text = ""
        while len(text.encode()) < octets:
            word = self.word(14, one)
            if self.chance(0.2):
                word += self.rng.choice(PUNCTUATION)
            if self.chance(0.05):
                word = self.word(120, one)
            text += word + (" " if not self.chance(0.03) else self.rng.choice(["  ", "   ", "\t", " \t "]))
        return text.strip(" \t")

    def header_text(self, longest=400):
        """A value that is not empty, does not look encoded and has no white space at its ends."""
        octets = self.rng.choice([n for n in EDGES if n <= longest]) if self.chance(0.4) else self.rng.randint(1, 60)
        return self.words(octets).replace("=?", "=.") or "x"

    def line(self):
        octets = self.rng.choice(EDGES) if self.chance(0.3) else self.rng.randint(0, 90)
        line = self.words(octets)
        if self.chance(0.1):
            line = self.rng.choice([".", "..", ". ", "From ", "--", "-- ", ">", "=", "=3D", "\t", " ", "=?utf-8?q?x?="]) + line
        return line + self.rng.choice(["", "", "", "", " ", "\t", "  \t", ".", "="])

    def text(self):
        """Lines with any line ends, and the same with LF."""
        if self.chance(0.08):
            return "", ""
        count = self.rng.choice([1, 2, 3, 5, 20]) if self.chance(0.95) else 200
        ends = self.rng.choice([["\n"], ["\r\n"], ["\n", "\r\n", "\r"]])
        given = "".join(self.line() + self.rng.choice(ends) for _ in range(count))
        if self.chance(0.4):
            given = given.rstrip("\r\n")
        return given, re.sub("\r\n|\r|\n", "\n", given)

    # -- addresses

    def domain(self):
        self.unique += 1
        if self.charset:  # not all of these have a sign for each domain, and some disagree about it
            return f"d{self.unique}.example.com"
        return self.rng.choice([
            f"d{self.unique}.example.com", f"a-b{self.unique}.example", f"x{self.unique}.sub.domain.example.org",
            f"BIG{self.unique}.Example.NET", f"bücher{self.unique}.example", f"пример{self.unique}.example",
            f"日本{self.unique}.example"])

    def local_part(self):
        pick = self.rng.random()
        if pick < 0.7:
            return ".".join(self.word(10, SCRIPTS["ascii"] + "!#$%&'*+-/=?^_`{|}~") for _ in range(self.rng.randint(1, 3)))
        if pick < 0.85:
            return self.rng.choice(["a b", "a@b", 'quo"te', "back\\slash", "dot..dot", ".dot", "dot.", "(x)", "a,b", "<>", "[x]", ""])
        if pick < 0.93:
            return self.word(8)
        return self.word(64, SCRIPTS["ascii"])[:64].ljust(self.rng.choice([1, 63, 64]), "x")

    @staticmethod
    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def written_address(self, local, domain):
        atext = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\u0080-\U0010ffff]+"
        plain = re.fullmatch(rf"{atext}(\.{atext})*", local)
        return f"{local if plain else self.quoted(local)}@{domain}"

    def mailbox(self):
        """The mailbox and one way to write it."""
        local, domain = self.local_part(), self.domain()
        address = self.written_address(local, domain)
        pick = self.rng.random()
        if pick < 0.25:
            return ("", local, domain), self.rng.choice([address, f"<{address}>", f" {address} "])
        if pick < 0.45:
            name = " ".join(self.word(10, SCRIPTS["ascii"]) for _ in range(self.rng.randint(1, 3)))
            return (name, local, domain), f"{name} <{address}>"
        if pick < 0.6:
            name = " ".join(self.word(9) for _ in range(self.rng.randint(1, 4)))
            return (name, local, domain), f"{name} <{address}>"
        name = self.header_text(200)
        name = re.sub(r"[ \t]+", " ", name)
        return (name, local, domain), f"{self.quoted(name)} <{address}>"

    def mailboxes(self, most):
        return [self.mailbox() for _ in range(self.rng.randint(1, most))]

    def address_field(self, name, repeats):
        """Adds one field or several; gives mailboxes and groups in their order."""
        found = []
        for _ in range(self.rng.randint(1, 3) if repeats and self.chance(0.3) else 1):
            elements = []
            for mailbox, written in self.mailboxes(4 if self.chance(0.9) else 15):
                found.append(mailbox)
                elements.append(written)
            if repeats and self.chance(0.15):
                group, written = self.group()
                found.append(group)
                elements.append(written)
            self.fields.append((name, self.rng.choice([", ", ",", " , "]).join(elements)))
        return found

    def group(self):
        name = re.sub(r"[ \t]+", " ", self.header_text(60))
        members = self.mailboxes(3) if self.chance(0.8) else []
        written = ", ".join(written for _, written in members)
        return Group(name, [mailbox for mailbox, _ in members]), f"{self.quoted(name)}: {written};"

    def add_people(self):
        made = self.made
        mailbox, written = self.mailbox()
        made.froms = [mailbox]
        made.return_path = mailbox[1:]
        if self.chance(0.1):
            second, also = self.mailbox()
            made.froms.append(second)
            written += ", " + also
        self.fields.append(("from", written))
        if len(made.froms) > 1 or self.chance(0.2):
            sender, written = self.mailbox()
            self.fields.append(("sender", written))
            made.return_path = sender[1:]
            made.sender = sender if len(made.froms) > 1 else None
        if self.chance(0.3):
            made.reply_to = self.address_field("reply_to", True)
        if self.chance(0.8):
            made.to = self.address_field("to", True)
        if self.chance(0.3):
            made.cc = self.address_field("cc", True)
        self.add_envelope()

    def add_envelope(self):
        made = self.made
        visible = flatten(made.to) + flatten(made.cc)
        if self.chance(0.2):
            made.recipients = unique(flatten(self.address_field("rcpt", True)))
            made.forbidden = [one for one in made.recipients if one not in visible]
        elif self.chance(0.3) or not visible:
            hidden = flatten(self.address_field("bcc", True))
            made.recipients = unique(visible + hidden)
            made.forbidden = [one for one in hidden if one not in visible]
        else:
            made.recipients = unique(visible)
        if not made.recipients:  # an empty group alone
            self.fields.append(("bcc", "somebody@example.com"))
            made.recipients = [("somebody", "example.com")]

    # -- header fields

    def ids(self, most):
        return [f"<{self.word(20, SCRIPTS['ascii'])}.{self.word(30, SCRIPTS['ascii'])}@{self.word(20, SCRIPTS['ascii'])}.example>"
                for _ in range(self.rng.randint(1, most))]

    def add_subject(self):
        if self.chance(0.05):
            return
        text = self.header_text(2500 if self.chance(0.1) else 300)
        if self.chance(0.1):  # already encoded: it must not be encoded twice
            charset = "utf-8" if self.charset else self.rng.choice(["utf-8", "iso-8859-1", "iso-2022-jp"])
            text = self.word(30, "日本語漢字" if charset == "iso-2022-jp" else "abcäöüé")
            given = email.header.Header(text, charset, maxlinelen=70).encode(linesep="").strip()
            self.made.subject, given = text, re.sub(" +", " ", given)
        else:
            self.made.subject, given = text, text
        if self.chance(0.05):
            given = self.rng.choice([" ", "\t", "  "]) + given + self.rng.choice([" ", "\t"])
        self.fields.append(("subject", given))

    def add_header_fields(self):
        made = self.made
        self.add_subject()
        if self.chance(0.15):
            made.message_id = self.ids(1)[0]
            self.fields.append(("message_id", made.message_id))
        if self.chance(0.2):
            made.in_reply_to = self.ids(2)
            self.fields.append(("in_reply_to", " ".join(made.in_reply_to)))
        if self.chance(0.2):
            made.references = self.ids(40)
            self.fields.append(("references", " ".join(made.references)))
        if self.chance(0.15):
            zone = datetime.timezone(datetime.timedelta(minutes=self.rng.choice([0, 60, -300, 345, 840])))
            made.date = email.utils.format_datetime(datetime.datetime.fromtimestamp(self.rng.randrange(2 ** 31), zone))
            self.fields.append(("date", made.date))
        for number in range(self.rng.randint(1, 4) if self.chance(0.3) else 0):
            name = f"X-{self.word(20, SCRIPTS['ascii'])}-{number}"
            made.headers[name] = self.header_text(998)
            self.fields.append((f"h:{name}", made.headers[name]))
        if self.chance(0.1):
            self.fields += [("dsn", self.rng.choice(["never", "failure", "success,failure,delay"])), ("ret", "headers")]

    # -- bodies

    def add_bodies(self):
        made = self.made
        pick = self.rng.random()
        if pick < 0.75:
            given, made.text = self.text()
            self.add_text(self.rng.choice(["text", "body"]), given, "text/plain")
        if pick > 0.45 and pick < 0.95:
            given, made.html = self.text()
            self.add_text("html", given, "text/html")
            made.text = made.text or None  # beside an html an empty text counts as not given
            made.html = made.html or None  # and an empty html always

    def add_text(self, name, text, kind):
        """As a plain field, or as a file with a charset of its own."""
        if self.charset is None and self.chance(0.1):
            self.fields.append((name, File(name, kind, text.encode(), self.rng.choice(["body.txt", ""]) or "t", kind)))
        else:
            self.fields.append((name, text))

    def file_name(self):
        pick = self.rng.random()
        extension = self.rng.choice([*TYPES, "xyzzy", "PDF", ""])
        stem = self.word(10) if pick < 0.5 else self.words(self.rng.choice([20, 40, 60, 77, 200]))
        if pick > 0.85:
            stem = self.rng.choice(["a;b", "a=b", "a,b", 'q"uote', "per%cent", "per%20cent", "a'b", "a*b", "x''y", ".hidden", "a b  c",
                                    "=?utf-8?q?x?=", "utf-8''x", "a.b.c", "&amp;", "a?b", "a:b", "(c)", "[x]{y}", "~", "$HOME", "`x`"])
        stem = re.sub(r"[\t]", " ", stem).replace("/", "-").replace("\\", "-")
        if self.chance(0.03):
            stem = self.word(4) * 40
        name = (stem + ("." + extension if extension else ""))[:240]
        while len(name.encode()) > 900:
            name = name[:-1]
        return name.strip() or "x"

    def content(self):
        pick = self.rng.random()
        if pick < 0.1:
            return b""
        if pick < 0.4:
            return self.rng.randbytes(self.rng.choice(EDGES))
        if pick < 0.7:
            return self.rng.randbytes(self.rng.randint(0, 4000))
        if pick < 0.75:
            return self.rng.randbytes(self.rng.randint(100_000, 400_000))
        if pick < 0.85:
            return bytes(self.rng.choice(b"\r\n.-=") for _ in range(self.rng.randint(1, 600)))
        return self.text()[0].encode()

    def add_file(self, field, name):
        extension = name.rpartition(".")[2].lower() if "." in name else ""
        known = TYPES.get(extension, OCTETS)
        types = ["", "", OCTETS, "application/x-custom", "IMAGE/PNG", "nonsense"]
        given = self.rng.choice(types if field == "inline" else [*types, "text/plain; charset=iso-8859-1"])
        kind = given.partition(";")[0].lower() if "/" in given else OCTETS if given else known
        directory = self.rng.choice(["", "", "", "dir/", "/etc/", "C:\\dir\\", "../", "a\\b/"])
        file = File(name, kind, self.content(), directory + name, given)
        self.fields.append((field, file))
        return file

    def add_files(self):
        made = self.made
        if self.charset is not None:
            return
        if made.html is not None and self.chance(0.2):
            for number in range(self.rng.randint(1, 3)):
                name = f"{self.word(20, SCRIPTS['ascii'] + '-_+!#$')}{number}.png"
                made.inlines.append(self.add_file("inline", name))
        for _ in range(self.rng.randint(1, 4) if self.chance(0.5) else 0):
            made.attachments.append(self.add_file("attachment", self.file_name()))

    # -- a whole message, as another program composes it

    def simple_mailbox(self):
        self.unique += 1
        return self.word(5), f"{self.word(9, SCRIPTS['ascii'])}{self.unique}", "example.org"

    def simple_text(self):
        return "".join(self.words(self.rng.randint(0, 70)) + "\n" for _ in range(self.rng.randint(1, 8)))

    def add_whole_message(self):
        """Composed by Python's email, with some line ends or others; Bcc in it must go, rcpt may replace the envelope. Names
        and subject are short: how Python folds long ones is not what is tested."""
        made = self.made
        message = email.message.EmailMessage()
        made.whole = True
        made.froms = [self.simple_mailbox()]
        made.to = [self.simple_mailbox() for _ in range(self.rng.randint(1, 3))]
        made.return_path = made.froms[0][1:]
        made.recipients = flatten(made.to)
        made.subject = self.word(8)
        message["From"] = written_mailboxes(made.froms)
        message["To"] = written_mailboxes(made.to)
        message["Subject"] = made.subject
        if self.chance(0.5):
            hidden = [self.simple_mailbox() for _ in range(self.rng.randint(1, 4))]
            message["Bcc"] = written_mailboxes(hidden)
            made.recipients, made.forbidden = made.recipients + flatten(hidden), flatten(hidden)
        if self.chance(0.5):
            made.message_id = message["Message-ID"] = self.ids(1)[0]
        made.text = self.simple_text()
        message.set_content(made.text)
        if self.chance(0.3):
            made.html = self.simple_text()
            message.add_alternative(made.html, subtype="html")
        for number in range(self.rng.randint(1, 2) if self.chance(0.4) else 0):
            file = File(f"{self.word(10)}{number}.bin", OCTETS, self.content())
            made.attachments.append(file)
            message.add_attachment(file.content, "application", "octet-stream", filename=file.name)
        linesep = self.rng.choice(["\n", "\r\n"])
        octets = message.as_bytes(policy=email.policy.SMTP.clone(linesep=linesep, cte_type="7bit"))
        self.fields.append(("message", File("message", "", octets, "message.eml", "message/rfc822")))
        if self.chance(0.2):
            made.forbidden = []
            rcpt = [self.simple_mailbox() for _ in range(self.rng.randint(1, 3))]
            made.recipients = flatten(rcpt)
            self.fields.append(("rcpt", ", ".join(self.written_address(*one[1:]) for one in rcpt)))

    # -- the form

    def make(self):
        if self.chance(0.05):
            self.add_whole_message()
            self.encode_multipart()
            return self.made
        if self.chance(0.08):
            self.charset = self.rng.choice([name for name in CHARSETS if name != "utf-16le"])
        self.add_people()
        self.add_header_fields()
        self.add_bodies()
        self.add_files()
        first, *rest = self.fields
        self.rng.shuffle(rest)
        self.fields = keep_order([first, *rest], self.fields)
        if self.charset is not None:
            self.keep_to_charset()
        has_files = any(isinstance(value, File) for _, value in self.fields)
        if self.charset is not None or (not has_files and self.chance(0.3)):
            self.encode_urlencoded()
        elif self.chance(0.2):
            self.encode_json()
        else:
            self.encode_multipart()
        return self.made

    def keep_to_charset(self):
        """What the charset does not have cannot be sent in it: such a form goes as UTF-8 after all."""
        if not all(is_certain(value, self.charset) for _, value in self.fields):
            self.charset = None

    def encode_urlencoded(self):
        charset = self.charset or "utf-8"
        fields = [("_charset_", charset), *self.fields] if self.charset else self.fields
        self.made.body = urllib.parse.urlencode(fields, encoding=charset).encode()
        self.made.type = "application/x-www-form-urlencoded"

    def encode_json(self):
        members = {}
        for name, value in self.fields:
            if isinstance(value, File):
                value = {"filename": value.given_name, "type": value.given_type,
                         "content": base64.b64encode(value.content).decode()}
            members.setdefault(name, []).append(value)
        body = {name: values if len(values) > 1 else values[0] for name, values in members.items()}
        self.made.body = json.dumps(body, ensure_ascii=self.chance(0.5)).encode()
        self.made.type = "application/json"

    def encode_multipart(self):
        boundary = uuid.UUID(int=self.rng.getrandbits(128)).hex
        parts = []
        for name, value in self.fields:
            head = f'Content-Disposition: form-data; name="{name}"'
            content = value.content if isinstance(value, File) else value.encode()
            if isinstance(value, File):
                head += f"; {self.written_name(value.given_name)}"
                head += f"\r\nContent-Type: {value.given_type}" if value.given_type else ""
            elif name in ("text", "body", "html") and self.chance(0.15):
                charset = self.rng.choice(list(CHARSETS))
                if is_certain(value, charset):
                    content = value.encode(charset)
                    head += f"\r\nContent-Type: text/plain; charset={charset}"
            parts.append(f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n")
        self.made.body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        self.made.type = f"multipart/form-data; boundary={boundary}"

    def written_name(self, name):
        """As browsers, as programs with MIME libraries, or as old ones write it."""
        if "%22" in name or "\\\\" in name or self.chance(0.2):
            return f"filename*=UTF-8''{urllib.parse.quote(name, safe='')}"
        if self.chance(0.5) or "\\" in name:
            return 'filename="' + name.replace('"', "%22") + '"'
        return f"filename={self.quoted(name)}"


def is_certain(text, charset):
    """Whether the text can be written in the charset so that nobody reads it otherwise: some have signs that only some know."""
    return text.isascii() or set(text) <= set(CHARSETS[charset] + string.printable)


def written_mailboxes(mailboxes):
    return [email.headerregistry.Address(name, local, domain) for name, local, domain in mailboxes]


def flatten(found):
    """The addresses of mailboxes and groups."""
    addresses = []
    for one in found:
        addresses += flatten(one.mailboxes) if isinstance(one, Group) else [one[1:]]
    return addresses


def unique(addresses):
    return list(dict.fromkeys(addresses))


def keep_order(shuffled, original):
    """Fields of one name keep their order: it is the order of the mail's addresses and files."""
    queues = {}
    for name, value in original:
        queues.setdefault(name, []).append((name, value))
    return [queues[name].pop(0) for name, _ in shuffled]


def submission(seed):
    return Maker(seed).make()
