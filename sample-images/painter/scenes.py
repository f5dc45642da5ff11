# SPDX-License-Identifier: Apache-2.0
"""Scenes as SVG text: landscapes from seeded noise. Pure; vips (librsvg) turns them into pixels."""

import math
import random


def svg(width, height, body, defs=""):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><defs>{defs}</defs>{body}</svg>'
    )


def vertical(name, *stops):
    """A gradient from top to bottom; stops are (offset, colour) or (offset, colour, opacity)."""
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{_stops(stops)}</linearGradient>'


def radial(name, *stops):
    return f'<radialGradient id="{name}">{_stops(stops)}</radialGradient>'


def _stops(stops):
    return "".join(
        f'<stop offset="{stop[0]}" stop-color="{stop[1]}" '
        f'stop-opacity="{stop[2] if len(stop) > 2 else 1}"/>'
        for stop in stops
    )


def blur(name, radius):
    return (
        f'<filter id="{name}" x="-50%" y="-50%" width="200%" height="200%">'
        f'<feGaussianBlur stdDeviation="{radius}"/></filter>'
    )


def cloud(name, frequency, octaves, seed, colour, strength, bias):
    """Fractal noise as a veil of one colour; alpha = strength * noise + bias."""
    red, green, blue = (channel / 255 for channel in colour)
    return (
        f'<filter id="{name}" x="0" y="0" width="100%" height="100%">'
        f'<feTurbulence type="fractalNoise" baseFrequency="{frequency}" numOctaves="{octaves}" '
        f'seed="{seed}"/><feColorMatrix type="matrix" values="0 0 0 0 {red:.3f} 0 0 0 0 {green:.3f} '
        f'0 0 0 0 {blue:.3f} {strength} 0 0 0 {bias}"/></filter>'
    )


def mix(first, second, share):
    """The colour between two of the form (r, g, b), as #rrggbb."""
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(first, second))


def ridge(rng, width, level, height, roughness=0.5, detail=9):
    """A mountain line by midpoint displacement: [(x, y)], y around `level`, at most `height` off."""
    heights = [rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)]
    spread = 1.0
    for _ in range(detail):
        finer = []
        for left, right in zip(heights, heights[1:]):
            finer += [left, (left + right) / 2 + rng.uniform(-spread, spread) / 2]
        heights = finer + [heights[-1]]
        spread *= roughness
    top = max(abs(value) for value in heights)
    step = width / (len(heights) - 1)
    return [(i * step, level + value / top * height) for i, value in enumerate(heights)]


def wave(rng, width, level, height, periods, steps=160):
    """A soft line made of three sines."""
    parts = [(periods * 2**k, height / 2**k, rng.uniform(0, math.tau)) for k in range(3)]
    return [
        (
            x * width / steps,
            level + sum(a / 2 * math.sin(math.tau * f * x / steps + p) for f, a, p in parts),
        )
        for x in range(steps + 1)
    ]


def below(line, floor):
    """The area under a line, as the points of a polygon."""
    points = line + [(line[-1][0], floor), (line[0][0], floor)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def pine(x, base, height, colour):
    half = height * 0.22
    tiers = "".join(
        f"M{x - half * w:.1f} {base - height * low:.1f}"
        f"L{x:.1f} {base - height * high:.1f}L{x + half * w:.1f} {base - height * low:.1f}Z"
        for w, low, high in ((1.0, 0.06, 0.55), (0.78, 0.32, 0.8), (0.52, 0.58, 1.0))
    )
    trunk = f"M{x - half * 0.1:.1f} {base}h{half * 0.2:.1f}v{-height * 0.2:.1f}h{-half * 0.2:.1f}Z"
    return f'<path d="{tiers}{trunk}" fill="{colour}"/>'


def pines(rng, line, count, height, colour):
    trees = []
    for _ in range(count):
        x, y = line[rng.randrange(len(line))]
        trees.append(pine(x, y + height * 0.06, height * rng.uniform(0.55, 1.0), colour))
    return "".join(trees)


def glow(x, y, radius, name):
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="url(#{name})"/>'


def mountains(width, height, seed, sky, far, near, sun, layers=6, trees=70):
    """Layered ridges that darken towards the viewer, mist between them, a low sun."""
    rng = random.Random(seed)
    defs = vertical("sky", *sky) + radial(
        "sun", (0, sun, 1), (0.12, sun, 0.95), (0.16, sun, 0.35), (1, sun, 0)
    )
    body = f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
    body += glow(width * 0.66, height * 0.36, height * 0.42, "sun")
    for layer in range(layers):
        share = layer / (layers - 1)
        level = height * (0.46 + 0.40 * share)
        line = ridge(rng, width, level, height * (0.15 - 0.08 * share), 0.52)
        colour = mix(far, near, share)
        mist = mix(far, near, max(0, share - 0.35))
        defs += vertical(f"r{layer}", (0, colour), (1, mist if layer < layers - 1 else colour))
        if layer == layers - 1:
            body += pines(rng, line, trees, height * 0.16, colour)
        body += f'<polygon points="{below(line, height)}" fill="url(#r{layer})"/>'
    return svg(width, height, body, defs)


def lake(width, height, seed):
    """A ridge at dusk and its reflection."""
    rng = random.Random(seed)
    shore = height * 0.56
    defs = vertical("sky", (0, "#27406e"), (0.45, "#c9748a"), (0.62, "#ffd9a0"), (1, "#ffd9a0"))
    defs += vertical("veil", (0, "#16284d", 0.15), (1, "#101c38", 0.75))
    upper = f'<rect width="{width}" height="{shore:.0f}" fill="url(#sky)"/>'
    upper += f'<circle cx="{width * 0.3:.0f}" cy="{height * 0.2:.0f}" r="{height * 0.045:.0f}" fill="#fff4dc"/>'
    for layer, colour in enumerate(("#8d6a8f", "#54507c", "#26305a")):
        line = ridge(rng, width, shore - height * (0.2 - 0.085 * layer), height * (0.14 - 0.045 * layer))
        upper += f'<polygon points="{below(line, shore)}" fill="{colour}"/>'
    upper += pines(rng, [(x, shore) for x in range(0, width, 7)], 60, height * 0.07, "#182044")
    ripples = "".join(
        f'<rect x="{rng.uniform(-0.1, 0.9) * width:.0f}" y="{shore + (height - shore) * t * t:.1f}" '
        f'width="{width * rng.uniform(0.05, 0.35):.0f}" height="{1 + 3 * t:.1f}" rx="2" '
        f'fill="{rng.choice(("#ffe3b8", "#30406e"))}" opacity="{rng.uniform(0.08, 0.3):.2f}"/>'
        for t in (rng.random() for _ in range(130))
    )
    mirror = f'<g transform="translate(0 {2 * shore:.1f}) scale(1 -1)">{upper}</g>'
    water = f'<rect y="{shore:.0f}" width="{width}" height="{height - shore:.0f}" fill="url(#veil)"/>'
    return svg(width, height, upper + mirror + water + ripples, defs)


def dunes(width, height, seed):
    """Sand in evening light: each dune has a lit and a shaded side."""
    rng = random.Random(seed)
    defs = vertical("sky", (0, "#5fa3c7"), (0.6, "#f6d7a7"), (1, "#fbe6c4"))
    defs += radial("sun", (0, "#fff6dd", 1), (0.2, "#fff0c8", 0.9), (1, "#ffe2a6", 0))
    body = f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
    body += glow(width * 0.22, height * 0.27, height * 0.2, "sun")
    for layer in range(5):
        share = layer / 4
        line = wave(rng, width, height * (0.5 + 0.36 * share), height * 0.11, 0.55 + 0.2 * share)
        lit = mix((236, 186, 122), (214, 132, 62), share)
        deep = mix((206, 146, 92), (138, 70, 36), share)
        defs += vertical(f"lit{layer}", (0, lit), (1, deep))
        defs += vertical(f"shade{layer}", (0, "#5a2c22", 0.55), (0.7, "#5a2c22", 0.0))
        body += f'<polygon points="{below(line, height)}" fill="url(#lit{layer})"/>'
        crest = max(range(20, 140), key=lambda i: -line[i][1])
        lee = [
            (x + (y - line[crest][1]) * 0.9, y + abs(math.sin(i / 9)) * height * 0.01)
            for i, (x, y) in enumerate(line[crest:])
        ]
        body += f'<polygon points="{below(lee, height)}" fill="url(#shade{layer})"/>'
    return svg(width, height, body, defs)


def sea(width, height, seed):
    """Waves towards a setting sun, with its path of light on the water."""
    rng = random.Random(seed)
    horizon = height * 0.42
    defs = vertical("sky", (0, "#31518c"), (0.55, "#f08a5d"), (1, "#ffd08a"))
    defs += radial("sun", (0, "#fff3cf", 1), (0.25, "#ffe09a", 0.9), (1, "#ffb36b", 0))
    body = f'<rect width="{width}" height="{horizon + 2:.0f}" fill="url(#sky)"/>'
    body += glow(width / 2, horizon, height * 0.24, "sun")
    for layer in range(22):
        share = layer / 21
        level = horizon + (height - horizon) * share**1.5
        line = wave(rng, width, level, height * 0.035 * share, 9 - 6 * share)
        colour = mix((214, 132, 100), (16, 38, 78), min(1, share * 1.35))
        body += f'<polygon points="{below(line, height)}" fill="{colour}" opacity="0.85"/>'
        for _ in range(9):
            x = width / 2 + rng.gauss(0, width * (0.03 + 0.07 * share))
            body += (
                f'<rect x="{x:.0f}" y="{level + 2 + 6 * share:.1f}" rx="3" height="{1 + 4 * share:.1f}" '
                f'width="{width * (0.01 + 0.04 * share):.0f}" fill="#ffe3ab" opacity="0.55"/>'
            )
    return svg(width, height, body, defs)


def stars(rng, width, height, count, lowest=0.8):
    dots = []
    for _ in range(count):
        radius = 0.4 + 1.6 * rng.random() ** 6
        colour = rng.choice(("#ffffff", "#cfe0ff", "#fff0d0"))
        dots.append(
            f'<circle cx="{rng.uniform(0, width):.1f}" cy="{rng.uniform(0, height * lowest):.1f}" '
            f'r="{radius:.2f}" fill="{colour}" opacity="{rng.uniform(0.35, 1):.2f}"/>'
        )
    return "".join(dots)


def night(width, height, seed):
    """The Milky Way over a wood."""
    rng = random.Random(seed)
    defs = vertical("sky", (0, "#060a1e"), (0.6, "#13254b"), (1, "#35527a"))
    defs += cloud("way", "0.006 0.014", 5, seed, (206, 196, 255), 2.0, -0.72)
    defs += '<mask id="band"><rect x="-50%" y="-50%" width="200%" height="200%" fill="url(#edge)"/></mask>'
    defs += vertical("edge", (0.3, "#fff", 0), (0.5, "#fff", 0.9), (0.7, "#fff", 0))
    body = f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
    body += (
        f'<g transform="rotate(-28 {width / 2} {height / 2}) translate(0 {-height * 0.12:.0f})"><g mask="url(#band)">'
        f'<rect x="{-width * 0.3:.0f}" width="{width * 1.6:.0f}" height="{height}" filter="url(#way)"/></g></g>'
    )
    body += stars(rng, width, height, 900)
    line = ridge(rng, width, height * 0.86, height * 0.05)
    body += pines(rng, line, 90, height * 0.2, "#04060f")
    body += f'<polygon points="{below(line, height)}" fill="#04060f"/>'
    return svg(width, height, body, defs)


def aurora(width, height, seed):
    """Green curtains over snow."""
    rng = random.Random(seed)
    defs = vertical("sky", (0, "#050b22"), (0.7, "#0e2f45"), (1, "#1d5560"))
    defs += cloud("green", "0.012 0.0012", 3, seed, (96, 255, 170), 3.4, -1.35)
    defs += cloud("violet", "0.009 0.0012", 3, seed + 4, (190, 110, 255), 2.6, -1.2)
    defs += vertical("edge", (0, "#fff", 0), (0.4, "#fff", 0.55), (0.72, "#fff", 1), (0.95, "#fff", 0))
    defs += f'<mask id="fade"><rect width="{width}" height="{height}" fill="url(#edge)"/></mask>'
    body = f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
    body += stars(rng, width, height, 350)
    for name, shift in (("violet", -0.16), ("green", 0)):
        body += (
            f'<g transform="translate(0 {height * shift:.0f}) skewX(-8)"><g mask="url(#fade)">'
            f'<rect x="0" width="{width * 1.2:.0f}" height="{height * 0.9:.0f}" filter="url(#{name})"/></g></g>'
        )
    for level, colour in ((0.78, "#2b4a63"), (0.86, "#7fa6b5"), (0.93, "#c9e2e4")):
        line = wave(rng, width, height * level, height * 0.06, 0.7)
        if level < 0.9:
            body += pines(rng, line, 26, height * 0.1, "#0c1f2c")
        body += f'<polygon points="{below(line, height)}" fill="{colour}"/>'
    return svg(width, height, body, defs)


def snow(width, height, seed):
    """White hills, dark pines, flakes in the air."""
    rng = random.Random(seed)
    defs = vertical("sky", (0, "#8fb0cf"), (1, "#eef4fa"))
    body = f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
    for layer in range(4):
        share = layer / 3
        line = wave(rng, width, height * (0.5 + 0.32 * share), height * 0.14, 0.6)
        top, low = mix((214, 227, 240), (250, 252, 255), share), mix((190, 208, 228), (205, 220, 238), share)
        defs += vertical(f"hill{layer}", (0, top), (1, low))
        tree = mix((140, 165, 190), (38, 62, 78), share)
        body += pines(rng, line, 22 - 3 * layer, height * (0.08 + 0.13 * share), tree)
        body += f'<polygon points="{below(line, height)}" fill="url(#hill{layer})"/>'
    for _ in range(260):
        body += (
            f'<circle cx="{rng.uniform(0, width):.0f}" cy="{rng.uniform(0, height):.0f}" '
            f'r="{rng.uniform(0.8, 3.2):.1f}" fill="#fff" opacity="{rng.uniform(0.5, 1):.2f}"/>'
        )
    return svg(width, height, body, defs)


def forest(width, height, seed):
    """Rows of firs that fade into fog."""
    rng = random.Random(seed)
    defs = vertical("sky", (0, "#e9e4d4"), (1, "#c6cfc6"))
    body = f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
    for layer in range(6):
        share = layer / 5
        colour = mix((176, 190, 180), (24, 46, 42), share)
        base = height * (0.55 + 0.47 * share)
        line = wave(rng, width, base, height * 0.04, 1.2)
        body += pines(rng, line, 46 - 4 * layer, height * (0.22 + 0.36 * share), colour)
        defs += vertical(f"f{layer}", (0, colour), (0.6, mix((216, 220, 210), (24, 46, 42), share)))
        body += f'<polygon points="{below(line, height + 9)}" fill="url(#f{layer})"/>'
    return svg(width, height, body, defs)


LEAF = "M0-50C30-38 40-8 22 22L4 46L0 62L-4 46L-22 22C-40-8-30-38 0-50Z"
VEINS = "M0-44V56M0-20L20-30M0-20L-20-30M0 2L26-8M0 2L-26-8M0 24L18 14M0 24L-18 14"


def leaf(x, y, angle, scale, colour):
    return (
        f'<g transform="translate({x:.0f} {y:.0f}) rotate({angle:.0f}) scale({scale:.2f})">'
        f'<path d="{LEAF}" fill="{colour}"/>'
        f'<path d="{VEINS}" stroke="#fff" stroke-opacity=".35" stroke-width="2" fill="none"/></g>'
    )


AUTUMN = ("#c8451b", "#e07a1f", "#f0b429", "#9b2f1a", "#d9a441", "#7a8b2f")


def leaves(width, height, seed, count=240, ground="#4a2a18"):
    """Autumn leaves; with ground None they lie on nothing, for pictures with alpha."""
    rng = random.Random(seed)
    body = f'<rect width="{width}" height="{height}" fill="{ground}"/>' if ground else ""
    for _ in range(count):
        body += leaf(
            rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 360),
            rng.uniform(0.5, 1.15), rng.choice(AUTUMN),
        )
    return svg(width, height, body)


def boat(width, height):
    """A paper boat on one wave, nothing behind it."""
    x, y = width / 2, height * 0.66
    s = height / 400
    hull = f"M{x - 170 * s} {y - 30 * s}L{x - 95 * s} {y + 62 * s}H{x + 95 * s}L{x + 170 * s} {y - 30 * s}L{x} {y + 18 * s}Z"
    sail = f"M{x} {y - 190 * s}L{x + 92 * s} {y - 8 * s}L{x} {y + 18 * s}Z"
    shade = f"M{x} {y - 190 * s}L{x - 92 * s} {y - 8 * s}L{x} {y + 18 * s}Z"
    line = wave(random.Random(5), width, height * 0.82, height * 0.05, 1.5)
    return svg(
        width, height,
        f'<path d="{shade}" fill="#d6dee8"/><path d="{sail}" fill="#f4f7fb"/>'
        f'<path d="{hull}" fill="#e8553a"/><path d="{hull}" fill="url(#side)"/>'
        f'<polygon points="{below(line, height)}" fill="url(#water)"/>',
        vertical("water", (0, "#2f86c8", 0.85), (1, "#2f86c8", 0))
        + vertical("side", (0, "#fff", 0.25), (1, "#000", 0.2)),
    )


def balloon(width, height):
    """A balloon over hills, with a word and an arrow that say which way is up."""
    x, y, r = width * 0.5, height * 0.4, height * 0.2
    envelope = f"M{x - r} {y}a{r} {r} 0 0 1 {2 * r} 0c0 {r * 0.7} {-r * 0.6} {r} {-r * 0.8} {r * 1.35}h{-r * 0.4}c{-r * 0.2} {-r * 0.35} {-r * 0.8} {-r * 0.65} {-r * 0.8} {-r * 1.35}Z"
    basket = f'<rect x="{x - r * 0.2}" y="{y + r * 1.6}" width="{r * 0.4}" height="{r * 0.3}" rx="4" fill="#6b4423"/>'
    hills = "".join(
        f'<polygon points="{below(wave(random.Random(seed), width, height * level, height * 0.1, 0.6), height)}" fill="{colour}"/>'
        for seed, level, colour in ((3, 0.76, "#8fbf7f"), (4, 0.86, "#4f8f5f"))
    )
    size = height * 0.12
    label = f'font-family="DejaVu Sans" font-weight="bold" font-size="{size}" fill="#fff"'
    return svg(
        width, height,
        f'<rect width="{width}" height="{height}" fill="url(#sky)"/>{hills}'
        f'<path d="{envelope}" fill="url(#cloth)"/>{basket}'
        f'<path d="M{x - r * 0.2} {y + r * 1.35}V{y + r * 1.6}M{x + r * 0.2} {y + r * 1.35}V{y + r * 1.6}" stroke="#6b4423" stroke-width="3"/>'
        f'<text x="{width * 0.05}" y="{size * 1.2}" {label}>UP \u2191</text>',
        vertical("sky", (0, "#3f86c9"), (1, "#dff0fb"))
        + '<linearGradient id="cloth"><stop offset="0" stop-color="#e2473c"/><stop offset=".33" stop-color="#e2473c"/>'
        '<stop offset=".33" stop-color="#f7c948"/><stop offset=".66" stop-color="#f7c948"/>'
        '<stop offset=".66" stop-color="#2f7fb8"/><stop offset="1" stop-color="#2f7fb8"/></linearGradient>',
    )


def poster(width, height):
    """Ink patches and a sun, for the printing press."""
    rays = "".join(
        f'<path d="M0 0L{900 * math.cos(a):.1f} {900 * math.sin(a):.1f}L{900 * math.cos(a + 0.13):.1f} '
        f'{900 * math.sin(a + 0.13):.1f}Z" fill="#f6c453"/>'
        for a in (k * math.tau / 24 for k in range(24))
    )
    line = ridge(random.Random(12), width, height * 0.72, height * 0.09)
    patches = "".join(
        f'<rect x="{width * (0.08 + 0.14 * i):.0f}" y="{height * 0.9:.0f}" width="{width * 0.12:.0f}" '
        f'height="{height * 0.06:.0f}" fill="{colour}"/>'
        for i, colour in enumerate(("#2a9fc4", "#c0397a", "#f2d13c", "#b8402f", "#3f8f4f", "#333a73"))
    )
    text = f'font-family="DejaVu Serif" font-weight="bold" fill="#7c2a22" text-anchor="middle"'
    return svg(
        width, height,
        f'<rect width="{width}" height="{height}" fill="#f3e3bd"/>'
        f'<g transform="translate({width / 2} {height * 0.46})">{rays}</g>'
        f'<circle cx="{width / 2}" cy="{height * 0.46}" r="{width * 0.22}" fill="#d9573c"/>'
        f'<polygon points="{below(line, height)}" fill="#35606b"/>'
        f'<text x="{width / 2}" y="{height * 0.15}" font-size="{width * 0.13}" {text}>SUMMER</text>{patches}',
    )


def letter(width, height, page):
    """A page of handwriting-like lines, black on white: a scan."""
    rng = random.Random(100 + page)
    lines = ""
    for row in range(17):
        y, x, end = height * (0.2 + row * 0.042), width * 0.1, width * rng.uniform(0.7, 0.9)
        path = f"M{x:.0f} {y:.0f}"
        while x < end:
            step = rng.uniform(9, 18)
            path += f"q{step / 2:.0f} {rng.uniform(-22, 12):.0f} {step:.0f} 0"
            x += step
            if rng.random() < 0.2:
                path += "m16 0"
                x += 16
        lines += f'<path d="{path}" fill="none" stroke="#111" stroke-width="3"/>'
    head = f'font-family="DejaVu Serif" font-style="italic" font-size="{height * 0.05}"'
    return svg(
        width, height,
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{width * 0.1}" y="{height * 0.11}" {head}>Dear friends, {page}</text>{lines}',
    )


def pulse(size, phase):
    """One frame of rings that run outward; phase 0..1 loops."""
    rings = "".join(
        f'<circle cx="{size / 2}" cy="{size / 2}" r="{size * 0.48 * ((k + phase) / 6):.1f}" fill="none" '
        f'stroke="{colour}" stroke-width="{size * 0.035}" opacity="{1 - (k + phase) / 6:.2f}"/>'
        for k, colour in enumerate(("#ffd166", "#f79256", "#ef476f", "#b5469b", "#6a4c93", "#3a3f7a"))
    )
    return svg(size, size, f'<rect width="{size}" height="{size}" fill="#10122b"/>{rings}')


def tide(width, height, phase):
    """One frame of waves that roll sideways; phase 0..1 loops."""
    layers = ""
    for layer, colour in enumerate(("#6fb7d6", "#3d8fbf", "#21689c", "#124272")):
        line = [
            (x, height * (0.42 + 0.14 * layer)
             + height * 0.045 * math.sin(math.tau * (x / width * (1 + layer % 2) + phase * (1 if layer % 2 else -1)) + layer))
            for x in range(0, width + 1, 4)
        ]
        layers += f'<polygon points="{below(line, height)}" fill="{colour}"/>'
    return svg(
        width, height,
        f'<rect width="{width}" height="{height}" fill="url(#sky)"/>'
        f'<circle cx="{width * 0.75}" cy="{height * 0.24}" r="{height * 0.1}" fill="#fff3d6"/>{layers}',
        vertical("sky", (0, "#f7a072"), (1, "#fde2b9")),
    )
