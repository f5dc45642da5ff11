# SPDX-License-Identifier: Apache-2.0
"""Draws the comparisons as an SVG: one bar for each, on one scale."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP = 860, 380, 80, 26, 64
COLOR = "#2f7d4f"
STYLE = ("text{font:13px system-ui,sans-serif;fill:#1b1f24}.dim{fill:#656d76}.title{font-size:16px;"
         "font-weight:600}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}}")


def _rows(report):
    """Draws relative speeds: a bar that ends below the line at 1 means a loss."""
    return [row for row in report.rows if row.get("unit") == "x" and " over " in f" {row['name']}"
            and "objects" not in row["name"]]


def draw(report):
    rows = _rows(report)
    longest = max([row["median"] for row in rows] + [1])
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = TOP + ROW * len(rows) + 46
    line = LEFT + scale
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="thumbq compared with others">',
        f"<style>{STYLE}</style>",
        '<text class="title" x="16" y="28">thumbq, times as fast as others</text>',
        '<text class="dim" x="16" y="48">the same files, the same machine, in turn; longer is '
        'faster, the line is 1 x</text>',
    ]
    for i, row in enumerate(rows):
        y = TOP + ROW * i
        width = scale * row["median"]
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 16}" text-anchor="end">{escape(row["name"])}</text>',
            f'<rect x="{LEFT}" y="{y + 3}" width="{width:.1f}" height="{ROW - 8}" rx="2" '
            f'fill="{COLOR}"/>',
            f'<text x="{LEFT + width + 8:.1f}" y="{y + 16}">{row["median"]:.2f} x</text>',
        ]
    bottom = TOP + ROW * len(rows)
    machine = report.machine
    parts += [
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="{TOP - 4}" y2="{bottom}" stroke="#888" '
        'stroke-dasharray="3 3"/>',
        f'<text class="dim" x="16" y="{bottom + 28}">{escape(machine["cpu"])}, '
        f'{machine["cores"]} cores, {escape(machine["system"])}; bench/run measures and draws '
        'this</text>', "</svg>", ""]
    return "\n".join(parts)
