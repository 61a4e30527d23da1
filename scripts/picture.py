"""Write docs/make-run.svg, the README's picture: what `make run` shows of sample data."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

FILE = Path("docs/make-run.svg")
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)
"""They would come from elsewhere; every browser has a font of its own."""


def main() -> None:
    """Run it and draw the screen."""
    command = (sys.executable, "-m", "scripts.run")
    shown = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    console = Console(record=True, width=120, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ make run\n{shown.rstrip()}"))
    picture = _FONTS.sub("", console.export_svg(title="make run", unique_id="run"))
    FILE.write_text(re.sub(r"[ \t]+$", "", picture, flags=re.MULTILINE).strip() + "\n", "utf-8")


if __name__ == "__main__":
    main()
