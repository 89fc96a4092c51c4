"""Goals of the benchmarks: each is a line, which says MISSED when it was. run.py counts those."""

MISSED = "MISSED"
BY_THE_CLOCK = f"{MISSED} (by the clock)"  # of a goal in seconds that pass, not in CPU, instructions or octets


class Goals:
    def __init__(self):
        self.missed = 0

    def at_most(self, what, measured, of, bound, clock=False):
        verdict = "" if measured <= bound else BY_THE_CLOCK if clock else MISSED
        self.missed += measured > bound
        print(f"{what:<46} {measured:6.2f} {of:<26} (at most {bound:.2f})  {verdict}".rstrip(), flush=True)

    def end(self):
        """The exit status."""
        return 1 if self.missed else 0
