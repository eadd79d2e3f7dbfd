"""plot.py - Small SVG pictures for the pages of bench/: bars with whiskers, lines over time, distributions.

Plain text out, no library. A picture is a title, axes with units, a legend, and what was measured; colours are the same in
both schemes of a browser because the background is drawn.
"""
import math

COLOURS = ['#2563a8', '#c2571a', '#2e7d4f', '#8a3ea0', '#a8892b', '#5b6470']
LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM = 70, 40, 560, 260, 24, 76


def _escape(text):
    return str(text).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def _text(x, y, text, anchor='middle', size=12, extra=''):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {extra}>{_escape(text)}</text>'


def _frame(title, body, height=HEIGHT):
    w, h = LEFT + WIDTH + RIGHT, TOP + height + BOTTOM
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" '
            f'font-family="sans-serif" fill="#222"><rect width="{w}" height="{h}" fill="#fff"/>'
            + _text(LEFT, 22, title, 'start', 14, 'font-weight="bold"') + ''.join(body) + '</svg>\n')


def _ticks(top, many=5):
    """Round numbers from 0 to at least `top`."""
    if top <= 0:
        return [0, 1]
    step = 10 ** math.floor(math.log10(top / many))
    for factor in (1, 2, 5, 10):
        if top / (step * factor) <= many:
            step *= factor
            break
    return [i * step for i in range(int(math.ceil(top / step - 1e-9)) + 1)]


def _number(value):
    if value >= 1e6:
        return f'{value / 1e6:g}M'
    if value >= 1e4:
        return f'{value / 1e3:g}k'
    return f'{value:g}'


def _y_axis(ticks, unit, height=HEIGHT):
    out = []
    for tick in ticks:
        y = TOP + height - height * tick / ticks[-1]
        out.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(_text(LEFT - 6, y + 4, _number(tick), 'end', 11))
    out.append(_text(16, TOP + height / 2, unit, 'middle', 12, f'transform="rotate(-90 16 {TOP + height / 2})"'))
    return out


def _legend(names):
    out, x, y = [], LEFT, TOP + HEIGHT + 40
    for i, name in enumerate(names):
        width = 30 + 7 * len(name)
        if x + width > LEFT + WIDTH + RIGHT and x > LEFT:
            x, y = LEFT, y + 18
        out.append(f'<rect x="{x}" y="{y}" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>')
        out.append(_text(x + 14, y + 9, name, 'start', 11))
        x += width
    return out


def bars(title, unit, groups, names, values):
    """values[group][name] = (min, median, max) or None."""
    top = max(v[2] for row in values.values() for v in row.values() if v)
    ticks = _ticks(top)
    body = _y_axis(ticks, unit)
    slot = WIDTH / len(groups)
    width = slot * 0.8 / len(names)
    for g, group in enumerate(groups):
        body.append(_text(LEFT + slot * (g + 0.5), TOP + HEIGHT + 18, group, size=11))
        for n, name in enumerate(names):
            value = values[group].get(name)
            if not value:
                continue
            low, mid, high = (TOP + HEIGHT - HEIGHT * v / ticks[-1] for v in value)
            x = LEFT + slot * g + slot * 0.1 + width * n
            body.append(f'<rect x="{x:.1f}" y="{mid:.1f}" width="{width * 0.9:.1f}" height="{TOP + HEIGHT - mid:.1f}" '
                        f'fill="{COLOURS[n % len(COLOURS)]}"/>')
            middle = x + width * 0.45
            body.append(f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="#000"/>')
            body.append(_text(middle, min(mid, high) - 4, _number(float(f'{value[1]:.3g}')), size=9))
    return _frame(title, body + _legend(names))


def lines(title, x_unit, y_unit, series, step=False, x_top=None):
    """series = {name: [(x, y), ...]}."""
    points = [p for line in series.values() for p in line] or [(0, 0)]
    xs = _ticks(x_top or max(x for x, _ in points), 8)
    ys = _ticks(max(y for _, y in points))
    body = _y_axis(ys, y_unit)
    for tick in xs:
        x = LEFT + WIDTH * tick / xs[-1]
        body.append(_text(x, TOP + HEIGHT + 16, _number(tick), size=11))
    body.append(_text(LEFT + WIDTH / 2, TOP + HEIGHT + 31, x_unit))
    for i, line in enumerate(series.values()):
        path, last = '', None
        for x, y in line:
            px, py = LEFT + WIDTH * x / xs[-1], TOP + HEIGHT - HEIGHT * y / ys[-1]
            if last is None:
                path += f'M{px:.1f} {py:.1f}'
            else:
                path += (f'H{px:.1f}V{py:.1f}' if step else f'L{px:.1f} {py:.1f}')
            last = py
        body.append(f'<path d="{path}" fill="none" stroke="{COLOURS[i % len(COLOURS)]}" stroke-width="1.5"/>')
    return _frame(title, body + _legend(list(series)))


def distribution(title, unit, series):
    """series = {name: [[upper end, count], ...]}: share of samples above a value, both axes logarithmic."""
    decades = [d for d in range(-1, 9)]
    tops = [b[-1][0] for b in series.values() if b]
    lows = [b[0][0] for b in series.values() if b]
    if not tops:
        return _frame(title, [])
    low = math.floor(math.log10(max(min(lows), 0.1)))
    high = math.ceil(math.log10(max(tops)))
    decades = range(low, max(high, low + 1) + 1)
    shares = [1, 0.1, 0.01, 0.001, 0.0001]
    x_of = lambda v: LEFT + WIDTH * (math.log10(max(v, 10.0 ** low)) - low) / (decades[-1] - low)
    y_of = lambda s: TOP + HEIGHT * math.log10(max(s, 1e-4)) / -4
    body = []
    for d in decades:
        x = x_of(10.0 ** d)
        body.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{TOP + HEIGHT}" stroke="#ddd"/>')
        body.append(_text(x, TOP + HEIGHT + 16, f'{10.0 ** d:g}', size=11))
    for share, label in zip(shares, ['all', 'p90', 'p99', 'p99.9', 'p99.99']):
        y = y_of(share)
        body.append(f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        body.append(_text(LEFT - 6, y + 4, label, 'end', 11))
    body.append(_text(LEFT + WIDTH / 2, TOP + HEIGHT + 31, unit))
    for i, buckets in enumerate(series.values()):
        total = sum(count for _, count in buckets)
        left, path = total, ''
        for upper, count in buckets:
            x = x_of(upper)
            path += f'{"L" if path else "M"}{x:.1f} {y_of(left / total):.1f}'
            left -= count
            if left > 0:
                path += f'L{x:.1f} {y_of(left / total):.1f}'
        body.append(f'<path d="{path}" fill="none" stroke="{COLOURS[i % len(COLOURS)]}" stroke-width="1.5"/>')
    return _frame(title, body + _legend(list(series)))
