/**
 * A strict reader of OpenMetrics 1.0 text: its grammar, and the rules about families, suffixes, units and histograms that
 * stand beside the grammar. It reads what framewright may write; timestamps and exemplars are none of that.
 */

export interface ParsedFamily {
  readonly type: string;
  readonly unit: string | undefined;
  readonly help: string | undefined;
  readonly samples: { readonly name: string; readonly labels: ReadonlyMap<string, string>; readonly value: number }[];
}

const METRIC_NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const DESCRIPTOR = new RegExp(`^# (TYPE|UNIT|HELP) (${METRIC_NAME}) (.*)$`, 's');
const SAMPLE = new RegExp(`^(${METRIC_NAME})(?:\\{(.*)\\})? ([^ ]+)$`, 's');
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[n"\\])*)"(?:,|$)/s;
const ESCAPED_STRING = /^(?:[^"\\\n]|\\[n"\\])*$/s;
const NUMBER = /^(?:[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)$/;
/** Suffixes of the samples of each type. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  gauge: [''],
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_count', '_sum', '_created'],
};

function toNumber(text: string): number {
  if (!NUMBER.test(text)) throw new Error(`no number: ${text}`);
  return Number(text.replace('Inf', 'Infinity'));
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}

function parseLabels(text: string): Map<string, string> {
  const labels = new Map<string, string>();
  for (let rest = text; rest !== ''; ) {
    const [whole, name, value] = LABEL.exec(rest) ?? [];
    if (whole === undefined || (whole.endsWith(',') && whole === rest)) throw new Error(`no labels: {${text}}`);
    if (labels.has(name!)) throw new Error(`a label that stands twice: ${name}`);
    labels.set(name!, unescaped(value!));
    rest = rest.slice(whole.length);
  }
  return labels;
}

/** @throws {Error} for anything that the specification does not allow */
export function parseOpenMetrics(text: string): Map<string, ParsedFamily> {
  if (text.includes('\r') || !/\n# EOF\n?$/.test(`\n${text}`)) throw new Error('the text has to end with # EOF');
  const lines = text.replace(/# EOF\n?$/, '').split('\n');
  if (lines.pop() !== '') throw new Error('the line before # EOF has no end');
  const families = new Map<
    string,
    ParsedFamily & { type: string; unit: string | undefined; help: string | undefined }
  >();
  let current = '';
  for (const line of lines) {
    const [, keyword, name, rest] = DESCRIPTOR.exec(line) ?? [];
    if (keyword !== undefined) {
      if (name !== current) {
        if (families.has(name!)) throw new Error(`a family in two places: ${name}`);
        families.set(name!, { type: 'unknown', unit: undefined, help: undefined, samples: [] });
        current = name!;
      }
      const family = families.get(name!)!;
      if (family.samples.length > 0) throw new Error(`# ${keyword} ${name} behind its samples`);
      if (keyword === 'TYPE') {
        if (family.type !== 'unknown' || SUFFIXES[rest!] === undefined) throw new Error(`no type: ${line}`);
        family.type = rest!;
      } else if (keyword === 'UNIT') {
        if (family.unit !== undefined || !/^[a-zA-Z0-9_:]+$/.test(rest!)) throw new Error(`no unit: ${line}`);
        if (!name!.endsWith(`_${rest}`)) throw new Error(`a name without its unit: ${name}`);
        family.unit = rest!;
      } else {
        if (family.help !== undefined || !ESCAPED_STRING.test(rest!)) throw new Error(`no help: ${line}`);
        family.help = unescaped(rest!);
      }
      continue;
    }
    const [, sampleName, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (sampleName === undefined) throw new Error(`no line of OpenMetrics: ${JSON.stringify(line)}`);
    const family = families.get(current);
    const suffix = sampleName.startsWith(current) ? sampleName.slice(current.length) : undefined;
    if (family === undefined || suffix === undefined || !SUFFIXES[family.type]?.includes(suffix)) {
      throw new Error(`a sample outside its family: ${line}`);
    }
    family.samples.push({ name: sampleName, labels: parseLabels(labels), value: toNumber(value!) });
  }
  for (const [name, family] of families) checkFamily(name, family);
  return families;
}

function checkFamily(name: string, { type, samples }: ParsedFamily): void {
  const keys = samples.map((sample) => `${sample.name}{${[...sample.labels].sort().join()}}`);
  if (new Set(keys).size !== keys.length) throw new Error(`a sample that stands twice in ${name}`);
  if (name.endsWith('_total')) throw new Error(`a counter's family has no _total: ${name}`);
  if (type !== 'gauge' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} counts below nothing`);
  if (type !== 'histogram') return;
  const of = (suffix: string) => samples.filter((sample) => sample.name === name + suffix);
  const bounds = of('_bucket').map(({ labels }) => labels.get('le')!);
  for (const bound of bounds) {
    // The canonical form: a float as Go writes it.
    if (bound !== '+Inf' && !/^\d+\.\d+(?:e[+-]\d\d)?$/.test(bound)) throw new Error(`no canonical bound: ${bound}`);
  }
  const numbers = bounds.map((bound) => toNumber(bound));
  const counts = of('_bucket').map(({ value }) => value);
  const isAscending = (values: readonly number[]) => values.every((value, i) => i === 0 || value >= values[i - 1]!);
  if (!isAscending(numbers) || !isAscending(counts) || numbers.at(-1) !== Number.POSITIVE_INFINITY) {
    throw new Error(`the buckets of ${name} do not ascend to +Inf`);
  }
  const [count] = of('_count');
  if (count?.value !== counts.at(-1) || of('_sum').length !== 1)
    throw new Error(`${name} has another count, or no sum`);
}
