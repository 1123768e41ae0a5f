import { STATUS_CODES } from 'node:http';
import { describe, expect, it } from 'vitest';
import {
  checkExtraFields,
  fieldsOfLines,
  formatHead,
  headerLine,
  reasonPhrase,
  statusLine,
} from '../../src/handshake/head-writer.ts';

describe('reasonPhrase', () => {
  it('RFC 9110 §15 is the phrase node:http has, or empty', () => {
    let known = 0;
    for (let status = 100; status < 600; status++) {
      const phrase = reasonPhrase(status);
      if (phrase === '') continue;
      known++;
      expect(phrase).toBe(STATUS_CODES[status]);
    }
    expect(known).toBeGreaterThan(20);
    expect(reasonPhrase(499)).toBe('');
  });

  it.each([101, 400, 401, 403, 404, 405, 426, 429, 431, 503, 505])('§4.2.2 has a phrase for %i', (status) => {
    expect(statusLine(status)).toMatch(/^HTTP\/1\.1 \d{3} [A-Z]/);
  });
});

describe('what a head is made of', () => {
  it('§4.2.2 ends with an empty line', () => {
    const lines = ['HTTP/1.1 200 OK', headerLine('A', '1'), headerLine('b', '2'), headerLine('b', '3')];
    expect(formatHead(lines)).toBe('HTTP/1.1 200 OK\r\nA: 1\r\nb: 2\r\nb: 3\r\n\r\n');
  });

  it.each([['A'], ['a'], ['C'], ['Content-Length'], ['transfer-encoding']])('§11.3.2 refuses %s twice', (name) => {
    expect(() => checkExtraFields([[name, '2']], ['a', 'c'])).toThrow(TypeError);
  });

  it('A13 refuses illegal names and values', () => {
    expect(headerLine('X-A', 'b c')).toBe('X-A: b c');
    expect(() => headerLine('X: y', 'b')).toThrow('Invalid header name');
    expect(() => headerLine('X-A', 'b\r\nX-B: c')).toThrow('U+000D at index 1 of X-A');
    expect(() => headerLine('X-A\n', 'b')).toThrow(TypeError);
  });

  it('A13 refuses a line break in any line', () => {
    expect(() => formatHead(['GET /\r\nX: y HTTP/1.1', 'A: b'])).toThrow(TypeError);
    expect(() => formatHead(['GET / HTTP/1.1', 'A: b\nC: d'])).toThrow('U+000A');
  });
});

describe('fieldsOfLines', () => {
  it('RFC 9110 §5 takes the lines behind the first apart', () => {
    expect(fieldsOfLines(['HTTP/1.1 200 OK', 'A: 1', 'b:2 ', 'B: x: y'])).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['b', 'x: y'],
    ]);
    expect(fieldsOfLines([])).toEqual([]);
  });

  it.each(['no colon', ': no name', 'a b: c', 'a: b\u0000c'])('RFC 9110 §5 refuses %j', (line) => {
    expect(() => fieldsOfLines(['HTTP/1.1 200 OK', line])).toThrow(TypeError);
  });
});
