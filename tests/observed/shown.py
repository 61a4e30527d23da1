"""What `make run` may show: everything else is noise, or a mistake."""

import re

_TIME = r"(?:\d\d:\d\d:\d\d| {8})  "
_MAY_BE_SHOWN = re.compile(
    "|".join(
        (
            # Its own words, before and after.
            r"",
            r"This is SAMPLE DATA: .*|For your own account: .*",
            r"APIs & Webhooks; .*|put the key there.*",
            r"Ctrl-C stops it; the next `make run` resumes\.",
            r"output/\w+\.duckdb (?:has no rows|is not .* last run): reading the whole account",
            r"stream +records read +rows in all +newest record \(UTC\)",
            r"\w+ +[\d,]+ +[\d,]+   (?:\d{4}-\d\d-\d\d[\d :]*|-)?",
            r"\w+ +not in this account",
            r"Loaded into output/\w+\.duckdb \((?:sample data, )?schema oncehub\)\.",
            r"[\d,]+ requests?; the next run needs at least [\d,]+\.",
            r"Next: `make models` .*",
            r"Interrupted; .*",
            r"The load failed, see above \(exit status \d+\)",
            # What the tap says to people, and what is wrong.
            _TIME + r"booking_calendar_time_slots: skipped: (?:not published|no OnceHub seat) .*",
            _TIME + r"\w+: skipped; next due .*",
            _TIME + r"\w+: [\d,]+ records?, .*",  # every ten seconds
            _TIME + r"WARNING: \w+: /v\w/.*; retry .*",
            _TIME + r"WARNING: Stream `\w+` was not found in the catalog",
            _TIME + r"WARNING: Interrupted: the next run resumes .*",
            _TIME + r"ERROR: .+",
            r'Exception: \w+|  File ".+", line \d+, in \S+|    \S.*',  # of a bug
            r" {10}.*",  # a long line goes on
        )
    )
)


def not_to_be_shown(lines: list[str]) -> list[str]:
    return [line for line in lines if not _MAY_BE_SHOWN.fullmatch(line.rstrip())]
