import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHex, HexSyntaxError, parseHex } from '../../src/inspector/index.ts';

describe('parseHex: what it takes', () => {
  const rows: [title: string, text: string][] = [
    ['digits in a row', '8105ff'],
    ['upper case', '81 05 FF'],
    ['spaces and line breaks', ' 81\t05\r\n ff\n'],
    ['colons', '81:05:ff'],
    ['commas and 0x, as in source code', '0x81, 0x05, 0XFF'],
    ['\\x, as in strings', '\\x81\\x05\\xff'],
    ['dashes and underscores', '81-05_ff'],
  ];
  for (const [title, text] of rows) it(title, () => expect([...parseHex(text)]).toEqual([0x81, 0x05, 0xff]));

  it('nothing', () => expect(parseHex(' \n').length).toBe(0));

  it('what formatHex writes, for any bytes and separator', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom('', ' ', ':', ', 0x', '\n'), (bytes, separator) => {
        expect(parseHex(formatHex(bytes, separator))).toEqual(bytes);
      }),
    );
  });
});

describe('parseHex: what it refuses, by character and place', () => {
  const rows: [text: string, position: number, message: string][] = [
    ['81 0g', 4, '"g" (character 5) stands where the second hex digit of a byte belongs'],
    ['81 zz', 3, '"z" (character 4) is not a hex digit'],
    ['8 1', 1, '" " (character 2) stands where the second hex digit of a byte belongs'],
    ['81 0', 4, 'The text ends in the middle of a byte (character 5): a byte has two hex digits'],
    ['81\n05 4', 7, 'The text ends in the middle of a byte (line 2, character 5): a byte has two hex digits'],
    ['81 05\n48 é5', 9, '"é" (line 2, character 4) is not a hex digit'],
    ['0x', 2, 'The text ends in the middle of a byte (character 3): a byte has two hex digits'],
    ['00000000: 8105 ..', 15, '"." (character 16) is not a hex digit'],
    ['81 \u{1F600}', 3, '"\u{1F600}" (character 4) is not a hex digit'],
  ];
  for (const [text, position, message] of rows) {
    it(JSON.stringify(text), () => {
      const error = caught(() => parseHex(text));
      expect(error).toBeInstanceOf(HexSyntaxError);
      expect(error).toMatchObject({ position, message });
    });
  }
});

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
