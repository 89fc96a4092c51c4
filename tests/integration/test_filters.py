"""The filters agree with Python's base64, quopri, email.header, smtplib and textwrap on generated cases.

Each side reads what the other wrote. A case is cut into pieces of some length at random, so that the cut matters to
none. The seed is fixed; a failure shows the case.
"""

import base64
import binascii
import email.charset
import email.header
import quopri
import random
import re
import smtplib
import subprocess
import textwrap
import unittest

from harness import BUILD, SANITIZED

TOOL = BUILD / "tests" / "filter_tool" / "filter_tool"
CASES = 500 if SANITIZED else 10000
EDGES = [0, 1, 2, 3, 56, 57, 58, 73, 74, 75, 76, 77, 78, 113, 114, 115, 997, 998, 999]

for charset in ("gb2312", "big5"):
    email.charset.add_codec(charset, charset)  # or Python writes its own codecs' names, which nobody registered


def run_filter(name, cases, parameters=None, refused=False):
    """What the filter makes of each case; all of them in one run of the tool."""
    cuts = random.Random(len(cases))
    blocks = []
    for number, case in enumerate(cases):
        step = cuts.choice([0, 0, 1, 2, 3, 7, 57, 76, 100])
        blocks.append(f"{name} {parameters[number] if parameters else 0} {step} {len(case)}\n".encode() + case)
    done = subprocess.run([TOOL], input=b"".join(blocks), stdout=subprocess.PIPE, check=True)
    answers = []
    at = 0
    for case in cases:
        end = done.stdout.index(b"\n", at)
        status, length = done.stdout[at:end].split()
        at = end + 1 + int(length)
        if status != b"ok" and not refused:
            raise AssertionError(f"{name} refused {case!r}")
        answers.append(done.stdout[end + 1:at] if status == b"ok" else None)
    return answers


def length_of(rng):
    """Mostly short, often at an edge of a line, sometimes long."""
    pick = rng.random()
    if pick < 0.3:
        return rng.choice(EDGES)
    return rng.randrange(3000) if pick > 0.97 else rng.randrange(200)


def random_octets(rng):
    return rng.randbytes(length_of(rng))


def random_text_octets(rng):
    """Octets as texts have them: words, spaces and tabs, all line ends, dots, "=", 8-bit octets, a few controls."""
    alphabet = rng.choice([b"abc ", b"ab=.\t \r\n", b".\r\n", bytes(range(256)), b"abcdefghij klmnop=\xc3\xbc.\n",
                           b"word word word \t\n", b"=\n =AF09af"])
    text = bytes(rng.choice(alphabet) for _ in range(length_of(rng)))
    return text.replace(b"\n", b"\r\n") if rng.random() < 0.3 else text


def random_cases(seed, generate, count=CASES):
    rng = random.Random(seed)
    return [generate(rng) for _ in range(count)]


def crlf(octets):
    return re.sub(rb"\r\n|\r|\n", b"\r\n", octets)


def lf(octets):
    return re.sub(rb"\r\n|\r|\n", b"\n", octets)


SCRIPTS = {
    "utf-8": "abcXYZ019 ,;:.!?()<>@\"\\=_äöüßéñçÅžюЖщ日本語テキスト한국العربيةעברית😀🎉e\u0301\u200d",
    "iso-8859-1": "abc XYZ,;()<>=?_äöüßéñçÅ",
    "iso-8859-2": "abc XYZ,;()<>=?_čšžłőů",
    "iso-8859-5": "abc Жщю",
    "windows-1251": "abc Жщю…",
    "koi8-r": "abc Жщю",
    "iso-2022-jp": "abc 日本語テキスト",
    "euc-jp": "abc 日本語テキスト",
    "shift_jis": "abc 日本語テキスト",
    "gb2312": "abc 中文字符",
    "gb18030": "abc 中文字符😀",
    "big5": "abc 中文字元",
    "euc-kr": "abc 한국어",
    "us-ascii": "abcdef XYZ,.;_",
}
LOOKS_ENCODED = "ab =?_.="  # Python finds encoded words within other words too, so it is not asked to write these


def random_words(rng, alphabet, spaces=(" ",)):
    """A header field's text: no white space at its ends, no line ends."""
    text = "".join(rng.choice(alphabet) for _ in range(max(1, length_of(rng) if rng.random() < 0.4 else rng.randrange(40))))
    text = re.sub(" +", lambda run: rng.choice(spaces), text).strip(" ")
    return text or "x"


def read_words(value):
    """The text that Python's decode_header finds in a field's value."""
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value)
    return "".join(octets if isinstance(octets, str) else octets.decode(charset or "ascii")
                   for octets, charset in email.header.decode_header(unfolded.lstrip(" ")))


class Filters(unittest.TestCase):
    def assertEach(self, got, expected, cases):
        self.assertEqual((len(got), len(cases)), (len(expected), CASES))
        for one, other, case in zip(got, expected, cases):
            if one != other:
                self.fail(f"of {case!r}\ngot      {one!r}\nexpected {other!r}")

    def test_base64(self):
        cases = random_cases(1, random_octets)
        wrapped = run_filter("base64-encode", cases)
        self.assertEach(wrapped, [base64.encodebytes(case).replace(b"\n", b"\r\n") for case in cases], cases)
        self.assertEach([base64.b64decode(one, validate=False) for one in wrapped], cases, cases)
        unwrapped = run_filter("base64-encode-unwrapped", cases)
        self.assertEach(unwrapped, [base64.b64encode(case) for case in cases], cases)
        self.assertEach(run_filter("base64-decode", [base64.encodebytes(case) for case in cases]), cases, cases)
        self.assertEach(run_filter("base64-decode-strict", [base64.b64encode(case) for case in cases]), cases, cases)
        self.assertEach(run_filter("base64-decode", wrapped), cases, cases)

    def test_base64_that_is_broken(self):
        def damage(rng):
            text = bytearray(base64.b64encode(rng.randbytes(rng.randrange(1, 30))))
            for _ in range(rng.randrange(1, 3)):
                at = rng.randrange(len(text))
                text[at:at + rng.randrange(2)] = rng.choice([b"=", b"A", b"!", b"-", b"\n", b" ", b"==", b"/"])
            return bytes(text)

        def strictly(text):
            try:
                octets = base64.b64decode(text, validate=True)
                return octets if base64.b64encode(octets) == text else None
            except binascii.Error:
                return None

        cases = random_cases(2, damage)
        expected = [strictly(case) for case in cases]
        self.assertEach(run_filter("base64-decode-strict", cases, refused=True), expected, cases)
        self.assertGreater(sum(one is None for one in expected), CASES // 2)
        self.assertGreater(sum(one is not None for one in expected), CASES // 20)

    def test_quoted_printable_text(self):
        cases = random_cases(3, random_text_octets)
        encoded = run_filter("quoted-printable-encode", cases)
        for one in encoded:
            self.assertLessEqual(max(map(len, one.split(b"\r\n"))), 76, one)
            self.assertNotRegex(one, rb"[ \t](\r\n|\Z)")
            self.assertRegex(one, rb"\A[\t\r\n -~]*\Z")
        self.assertEach([quopri.decodestring(one) for one in encoded], [crlf(case) for case in cases], cases)
        self.assertEach(run_filter("quoted-printable-decode", encoded), [crlf(case) for case in cases], cases)
        # Python's encoder knows one kind of line end in a text.
        cases = [lf(case) for case in cases]
        self.assertEach(run_filter("quoted-printable-decode", [quopri.encodestring(case) for case in cases]), cases, cases)
        tabs = [quopri.encodestring(case, quotetabs=True) for case in cases]
        self.assertEach(run_filter("quoted-printable-decode", tabs), cases, cases)

    def test_quoted_printable_binary(self):
        cases = random_cases(4, lambda rng: random_octets(rng) if rng.random() < 0.5 else random_text_octets(rng))
        encoded = run_filter("quoted-printable-encode-binary", cases)
        for one in encoded:
            self.assertLessEqual(max(map(len, one.split(b"\r\n"))), 76, one)
        self.assertEach([quopri.decodestring(one) for one in encoded], cases, cases)
        self.assertEach(run_filter("quoted-printable-decode", encoded), cases, cases)
        theirs = [binascii.b2a_qp(case, istext=False) for case in cases]
        self.assertEach(run_filter("quoted-printable-decode", theirs), cases, cases)

    def test_encoded_words(self):
        spaces = (" ", " ", "  ", "   ", " \t ")
        texts = [SCRIPTS["utf-8"], SCRIPTS["us-ascii"], LOOKS_ENCODED]
        cases = random_cases(5, lambda rng: random_words(rng, rng.choice(texts), spaces))
        columns = random_cases(6, lambda rng: rng.choice([2, 9, 20, 60, 74, 75, 76]))
        octets = [case.encode() for case in cases]
        encoded = [one.decode("ascii") for one in run_filter("encoded-word-encode", octets, columns)]
        for one, column in zip(encoded, columns):
            first, *more = one.split("\r\n")
            self.assertTrue(all(len(line) <= 76 or "=?" not in line for line in [column * "x" + first, *more]), one)
            self.assertTrue(all(len(word) <= 75 for word in one.split() if word.startswith("=?")), one)
        self.assertEach([read_words(one) for one in encoded], cases, cases)
        decoded = run_filter("encoded-word-decode", [one.encode() for one in encoded])
        self.assertEach([one.decode().lstrip(" ") for one in decoded], cases, cases)

    def test_encoded_words_of_python(self):
        def encode(rng):
            charset = rng.choice(list(SCRIPTS))
            text = random_words(rng, SCRIPTS[charset])
            header = email.header.Header(text, charset, maxlinelen=rng.choice([40, 76, 200]), header_name="Subject")
            return text, header.encode(linesep=rng.choice(["\n", "\r\n"]))

        cases = random_cases(7, encode)
        self.assertEach([read_words(value) for _, value in cases], [text for text, _ in cases], cases)
        decoded = run_filter("encoded-word-decode", [value.encode() for _, value in cases])
        self.assertEach([one.decode().lstrip(" ") for one in decoded], [text for text, _ in cases], cases)

    def test_encoded_words_of_several_charsets(self):
        def encode(rng):
            header = email.header.Header(header_name="Subject")
            for _ in range(rng.randrange(1, 5)):
                charset = rng.choice(list(SCRIPTS))
                header.append(random_words(rng, SCRIPTS[charset]), charset)
            return header.encode()

        cases = random_cases(8, encode)
        decoded = run_filter("encoded-word-decode", [case.encode() for case in cases])
        self.assertEach([one.decode().lstrip(" ") for one in decoded], [read_words(case) for case in cases], cases)

    def test_line_ends(self):
        cases = random_cases(9, random_text_octets)
        self.assertEach(run_filter("crlf-encode", cases), [crlf(case) for case in cases], cases)
        fixed = [smtplib._fix_eols(case.decode("latin-1")).encode("latin-1") for case in cases]
        self.assertEach(run_filter("crlf-encode", cases), fixed, cases)

    def test_dot_stuffing(self):
        cases = [crlf(case) for case in random_cases(10, random_text_octets)]
        ended = [case if not case or case.endswith(b"\r\n") else case + b"\r\n" for case in cases]
        theirs = [smtplib._quote_periods(case) + b".\r\n" for case in ended]
        stuffed = run_filter("dot-stuff", cases)
        self.assertEach(stuffed, theirs, cases)
        self.assertEach(run_filter("dot-unstuff", theirs), ended, cases)
        followed = [one + b"QUIT\r\n" for one in theirs]
        self.assertEach(run_filter("dot-unstuff", followed), ended, cases)

    def test_wrap(self):
        def words(rng):
            longest = rng.randrange(4, 80)
            return longest, " ".join("x" * rng.randrange(1, longest + 1) for _ in range(rng.randrange(1, 40)))

        cases = random_cases(11, words)
        wrapped = run_filter("wrap", [text.encode() for _, text in cases], [width for width, _ in cases])
        expected = [textwrap.wrap(text, width, break_on_hyphens=False) for width, text in cases]
        self.assertEach([one.decode().split("\r\n") for one in wrapped], expected, cases)

    def test_wrap_anything(self):
        cases = random_cases(12, random_text_octets)
        widths = random_cases(13, lambda rng: rng.choice([4, 5, 20, 76, 78, 200, 998]))
        for case, width, one in zip(cases, widths, run_filter("wrap", cases, widths)):
            self.assertLessEqual(max(map(len, one.split(b"\r\n"))), width)
            self.assertNotRegex(one.replace(b"\r\n", b""), rb"[\r\n]")
            self.assertEqual(re.sub(rb"\s", b"", one), re.sub(rb"\s", b"", case))
            if max(map(len, crlf(case).split(b"\r\n"))) <= width:
                self.assertEqual(one, crlf(case))


if __name__ == "__main__":
    unittest.main()
