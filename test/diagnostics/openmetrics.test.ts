import { describe, expect, it } from 'vitest';
import { type Family, formatMetrics, Histogram } from '../../src/diagnostics/openmetrics.ts';
import { parseOpenMetrics } from './openmetrics-parser.ts';

function histogramOf(bounds: readonly number[], ...values: readonly number[]): Histogram {
  const histogram = new Histogram(bounds);
  for (const value of values) histogram.observe(value);
  return histogram;
}

describe('OpenMetrics text', () => {
  it('every kind of family, line by line', () => {
    const families: Family[] = [
      { name: 'a_open', type: 'gauge', help: 'Open.', value: 3 },
      { name: 'a_seen_bytes', unit: 'bytes', type: 'counter', help: 'Seen.', values: [[{}, 5]] },
      { name: 'a_done', type: 'counter', help: 'Done.', values: [[{ code: '1000', by: 'peer' }, 1]] },
      { name: 'a_none', type: 'counter', help: 'None yet.', values: [] },
      {
        ...{ name: 'a_wait_seconds', unit: 'seconds', type: 'histogram', help: 'Waited.' },
        histogram: histogramOf([0.5, 2], 0.25, 0.5, 1, 4),
      },
    ];
    expect(formatMetrics(families).split('\n')).toEqual([
      '# TYPE a_open gauge',
      '# HELP a_open Open.',
      'a_open 3',
      '# TYPE a_seen_bytes counter',
      '# HELP a_seen_bytes Seen.',
      '# UNIT a_seen_bytes bytes',
      'a_seen_bytes_total 5',
      '# TYPE a_done counter',
      '# HELP a_done Done.',
      'a_done_total{code="1000",by="peer"} 1',
      '# TYPE a_none counter',
      '# HELP a_none None yet.',
      '# TYPE a_wait_seconds histogram',
      '# HELP a_wait_seconds Waited.',
      '# UNIT a_wait_seconds seconds',
      'a_wait_seconds_bucket{le="0.5"} 2',
      'a_wait_seconds_bucket{le="2.0"} 3',
      'a_wait_seconds_bucket{le="+Inf"} 4',
      'a_wait_seconds_count 4',
      'a_wait_seconds_sum 5.75',
      '# EOF',
      '',
    ]);
    expect([...parseOpenMetrics(formatMetrics(families)).keys()]).toEqual(families.map(({ name }) => name));
  });

  it('escapes what would end a value or a line', () => {
    const nasty = 'a"b\\c\nd # EOF {}=,';
    const text = formatMetrics([{ name: 'x', type: 'counter', help: nasty, values: [[{ label: nasty }, 1]] }]);
    expect(text).toContain(String.raw`x_total{label="a\"b\\c\nd # EOF {}=,"} 1`);
    const family = parseOpenMetrics(text).get('x')!;
    expect(family.help).toBe(nasty);
    expect(family.samples[0]!.labels.get('label')).toBe(nasty);
  });

  it.each([
    [0.001, '0.001'],
    [0.0025, '0.0025'],
    [1, '1.0'],
    [10, '10.0'],
    [64, '64.0'],
    [262_144, '262144.0'],
    [1_048_576, '1.048576e+06'],
    [16_777_216, '1.6777216e+07'],
    [1e10, '1e+10'],
  ])('a bound of %d is written %s, as all exposers write it', (bound, written) => {
    expect(histogramOf([bound], 0).format('x')[0]).toBe(`x_bucket{le="${written}"} 1`);
  });

  it('a value on a bound is below it, and one past the last is in +Inf', () => {
    const values = histogramOf([1, 2], 1, 2, 3).format('x');
    expect(values.map((line) => line.split(' ')[1])).toEqual(['1', '2', '3', '3', '6']);
  });
});

describe('the reader of OpenMetrics text takes no', () => {
  const head = '# TYPE a counter\n';
  const buckets = (...lines: string[]) => `# TYPE h histogram\n${lines.join('\n')}\n# EOF\n`;
  it.each([
    ['text without an end', `${head}a_total 1\n`],
    ['text behind the end', `${head}a_total 1\n# EOF\na_total 2\n`],
    ['carriage returns', `${head}a_total 1\r\n# EOF\n`],
    ['sample without its suffix', `${head}a 1\n# EOF\n`],
    ['sample of another family', `${head}b_total 1\n# EOF\n`],
    ['sample without a family', 'a_total 1\n# EOF\n'],
    ['empty line', `${head}\na_total 1\n# EOF\n`],
    ['comment', `${head}# comment\na_total 1\n# EOF\n`],
    ['second family of a name', `${head}# TYPE b gauge\nb 1\n${head}a_total 1\n# EOF\n`],
    ['unknown type', '# TYPE a gouge\na 1\n# EOF\n'],
    ['unit that the name lacks', '# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n'],
    ['descriptor behind samples', `${head}a_total 1\n# HELP a x\n# EOF\n`],
    ['bare quote in a label', `${head}a_total{b="""} 1\n# EOF\n`],
    ['unknown escape', `${head}a_total{b="\\x"} 1\n# EOF\n`],
    ['comma at the end', `${head}a_total{b="1",} 1\n# EOF\n`],
    ['label twice', `${head}a_total{b="1",b="2"} 1\n# EOF\n`],
    ['sample twice', `${head}a_total{b="1"} 1\na_total{b="1"} 1\n# EOF\n`],
    ['number of another kind', `${head}a_total 0x10\n# EOF\n`],
    ['counter below nothing', `${head}a_total -1\n# EOF\n`],
    ['two spaces', `${head}a_total  1\n# EOF\n`],
    ['histogram without +Inf', buckets('h_bucket{le="1.0"} 1', 'h_count 1', 'h_sum 1')],
    ['buckets that fall', buckets('h_bucket{le="1.0"} 2', 'h_bucket{le="+Inf"} 1', 'h_count 1', 'h_sum 1')],
    ['bound without a point', buckets('h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 1', 'h_count 1', 'h_sum 1')],
    ['count of its own', buckets('h_bucket{le="+Inf"} 1', 'h_count 2', 'h_sum 1')],
    ['histogram without a sum', buckets('h_bucket{le="+Inf"} 1', 'h_count 1')],
  ])('%s', (_what, text) => expect(() => parseOpenMetrics(text)).toThrow());
});
