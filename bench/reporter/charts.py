"""Bar charts in SVG. Each paints its own ground, so that it can be read on a light page and on a dark one."""

import math
from html import escape

from .figures import is_floor, is_ours, number, title

WIDTH, LABELS, BARS, ROW, MARGIN = 760, 190, 470, 22, 20
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .head { font-size: 16px; font-weight: 600 }
  .panel { font-weight: 600 }
  .muted { font-size: 12px; fill: #59636e }
  .grid { stroke: #e2e6ea }
  .peer { fill: #8c96a3 } .floor { fill: #c8ced6 } .ours { fill: #0f7b6c }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #151b23; stroke: #3d444d }
    text { fill: #f0f6fc }
    .muted { fill: #9198a1 }
    .grid { stroke: #2b323b }
    .peer { fill: #6e7884 } .floor { fill: #434c57 } .ours { fill: #2fb8a3 }
  }
"""


class Scale:
    """Values to lengths. Logarithmic if the largest is more than 10 times the smallest: the caption says so."""

    def __init__(self, values):
        low, self.high = min((value for value in values if value > 0), default=1), max(*values, 1e-9)
        self.is_log = self.high > 10 * low
        # The shortest bar of a logarithmic scale has a length too, so that it can be seen.
        self.low = max(step for step in steps(low / 20, low) if step <= low / 1.5) if self.is_log else 0

    def length(self, value):
        if value <= self.low:
            return 0
        return BARS * (math.log(value / self.low) / math.log(self.high / self.low) if self.is_log else value / self.high)

    def ticks(self):
        if not self.is_log:
            step = next(step for step in steps(self.high / 50, self.high) if self.high / step <= 6)
            return [step * index for index in range(int(self.high / step) + 1)]
        if self.high / self.low < 300:
            return list(steps(self.low, self.high))
        return [step for step in steps(self.low, self.high) if math.log10(step).is_integer()]


def steps(low, high):
    """1, 2, 5, 10, 20 and so on, from low to high."""
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for factor in (1, 2, 5):
            step = float(f"{factor}e{power}")
            if low <= step <= high:
                yield step


def tick_text(value):
    return f"{value:,.0f}" if value >= 1 or value == 0 else f"{value:g}"


def bars(figures, top, words, scale):
    """One panel: a bar for each program, the shortest first. Returns its elements and the y below it."""
    parts = [f'<text class="panel" x="{MARGIN}" y="{top + 14}">{escape(words)}</text>']
    first, last = top + 24, top + 24 + ROW * len(figures)
    for tick in scale.ticks():
        x = LABELS + scale.length(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{first}" x2="{x:.1f}" y2="{last}"/>')
        parts.append(f'<text class="muted" x="{x:.1f}" y="{last + 14}" text-anchor="middle">{tick_text(tick)}</text>')
    for index, (program, value) in enumerate(figures.items()):
        y = first + ROW * index
        kind = "floor" if is_floor(program) else "ours" if is_ours(program) else "peer"
        length = max(scale.length(value), 1)
        parts.append(f'<text x="{LABELS - 8}" y="{y + 15}" text-anchor="end">{escape(title(program))}</text>')
        parts.append(f'<rect class="{kind}" x="{LABELS}" y="{y + 3}" width="{length:.1f}" height="{ROW - 6}" rx="2"/>')
        parts.append(f'<text x="{LABELS + length + 6:.1f}" y="{y + 15}">{number(value)}</text>')
    return parts, last + 34


def chart(head, caption, panels):
    """panels: (words, {program: value}). All have the same scale. None if there is nothing to show."""
    panels = [(words, figures) for words, figures in panels if figures]
    if not panels:
        return None
    scale = Scale([value for _, figures in panels for value in figures.values()])
    caption += "; the scale is logarithmic" if scale.is_log else ""
    parts, y = [], 66
    for words, figures in panels:
        more, y = bars(figures, y, words, scale)
        parts += more
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">',
        f"<title>{escape(head)}</title>", f"<style>{STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{y - 1}" rx="6"/>',
        f'<text class="head" x="{MARGIN}" y="30">{escape(head)}</text>',
        f'<text class="muted" x="{MARGIN}" y="50">{escape(caption)}</text>', *parts, "</svg>", ""])


def all_charts(figures):
    """{name of the file: (what it shows, SVG or None)}."""
    drawn = {
        "instructions": ("User-space instructions for each echoed message",
                         "64 B binary; fewer is better; C, C++ and Rust", [
                             ("1 connection", figures.of("instructions", "ws-64B-1x1")),
                             ("16 connections, 16 messages under way on each", figures.of("instructions", "ws-64B-16x16"))]),
        "cpu": ("CPU time for each echoed message, over that of the bare epoll echo",
                "medians of the ratios of interleaved rounds; less is better", [
                    ("64 B, 64 connections", figures.of("times", "ws-64B-64x1", "ratio")),
                    ("64 B, 64 connections, 16 messages under way on each", figures.of("times", "ws-64B-64x16", "ratio")),
                    ("1 MiB, 1 connection", figures.of("times", "ws-1MiB-1x1", "ratio"))]),
        "memory": ("Bytes of an idle connection",
                   "growth of the server's resident memory for each; the kernel's is not in it; less is better", [
                       ("ws", figures.of("idle", "idle-ws")), ("wss", figures.of("idle", "idle-wss"))]),
        "latency": ("Latency in microseconds", "64 B, 64 connections, one message under way on each; less is better", [
            ("median", figures.of("times", "ws-64B-64x1", "p50")),
            ("99th percentile", figures.of("times", "ws-64B-64x1", "p99"))]),
    }
    return {name: (head, chart(head, caption, panels)) for name, (head, caption, panels) in drawn.items()}
