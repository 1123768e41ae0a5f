/** Ratios as bars, as an SVG that reads well on light and on dark pages. Pure: what is shown goes in, markup comes out. */

export interface Bar {
  readonly label: string;
  /** Above 0; 1 is the base. */
  readonly value: number;
  readonly isHighlighted: boolean;
}

export interface BarGroup {
  readonly name: string;
  readonly bars: readonly Bar[];
}

export interface Chart {
  readonly title: string;
  /** What 1 stands for, and where the figures come from. */
  readonly note: string;
  /** Of the whole picture, in px. Default 760. */
  readonly width?: number;
  readonly groups: readonly BarGroup[];
}

const DEFAULT_WIDTH = 760;
const LABEL_WIDTH = 130;
const VALUE_WIDTH = 60;
const ROW_HEIGHT = 15;
const BAR_HEIGHT = 11;
const HEADING_HEIGHT = 24;
const GROUP_GAP = 8;
const TOP = 58;

const STYLE = `
text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.group { font-weight: 600 }
.note, .tick { fill: #59636e }
.bar { fill: #8c959f }
.own { fill: #0969da }
.grid { stroke: #d1d9e0 }
.base { stroke: #59636e }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .note, .tick { fill: #9198a1 }
  .bar { fill: #6e7681 }
  .own { fill: #4493f8 }
  .grid { stroke: #3d444d }
  .base { stroke: #9198a1 }
}`;

/** The powers of two from below the least value to above the greatest, 1 among them: a logarithmic scale. */
export function ticksFor(values: readonly number[]): number[] {
  const least = Math.floor(Math.log2(Math.min(1, ...values)));
  const greatest = Math.max(least + 1, Math.ceil(Math.log2(Math.max(1, ...values))));
  return Array.from({ length: greatest - least + 1 }, (_, i) => 2 ** (least + i));
}

export function formatMultiple(value: number): string {
  return `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))}×`;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function textAt(x: number, y: number, kind: string, text: string, anchor = 'start'): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${kind}" text-anchor="${anchor}">${escapeText(text)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** @throws {RangeError} when a value is not above 0: a logarithm of it cannot be drawn */
export function barChart({ title, note, width = DEFAULT_WIDTH, groups }: Chart): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  if (!values.every((value) => value > 0 && Number.isFinite(value))) {
    throw new RangeError('Every value of a chart of ratios has to be above 0');
  }
  const ticks = ticksFor(values);
  const [lowest, highest] = [Math.log2(ticks[0]!), Math.log2(ticks.at(-1)!)];
  const plotWidth = width - LABEL_WIDTH - VALUE_WIDTH;
  const xOf = (value: number) => LABEL_WIDTH + ((Math.log2(value) - lowest) / (highest - lowest)) * plotWidth;
  const parts: string[] = [];
  let y = TOP;
  for (const { name, bars } of groups) {
    parts.push(textAt(0, y + HEADING_HEIGHT - 8, 'group', name));
    y += HEADING_HEIGHT;
    for (const { label, value, isHighlighted } of bars) {
      const [from, to] = [Math.min(xOf(1), xOf(value)), Math.max(xOf(1), xOf(value))];
      const middle = y + BAR_HEIGHT - 1;
      const kind = isHighlighted ? 'own' : 'bar';
      parts.push(
        textAt(LABEL_WIDTH - 8, middle, '', label, 'end'),
        `<rect x="${round(from)}" y="${y}" width="${round(Math.max(1, to - from))}" height="${BAR_HEIGHT}" class="${kind}"/>`,
        textAt(to + 5, middle, '', formatMultiple(value)),
      );
      y += ROW_HEIGHT;
    }
    y += GROUP_GAP;
  }
  const grid = ticks.flatMap((tick) => [
    `<path d="M${round(xOf(tick))} ${TOP}V${y}" class="${tick === 1 ? 'base' : 'grid'}"/>`,
    textAt(xOf(tick), y + 14, 'tick', formatMultiple(tick), 'middle'),
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 22}" width="${width}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    textAt(0, 18, 'title', title),
    textAt(0, 38, 'note', note),
    ...grid,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
