import { describe, expect, it } from 'vitest';
import { HttpHeadParser } from '../../src/handshake/index.ts';
import { allowsNextRequest, announcesBody } from '../../src/handshake/message-end.ts';

function headOf(fields: string[], version = '1.1') {
  const parser = new HttpHeadParser({ kind: 'request' });
  const lines = [`GET / HTTP/${version}`, 'Host: x', ...fields, '', ''];
  const result = parser.push(Buffer.from(lines.join('\r\n'), 'latin1'));
  if (result?.ok !== true) throw new Error('no head');
  return result.head;
}

describe('what stands behind a request', () => {
  it.each([
    [[], false],
    [['Content-Length: 0'], false],
    [['Content-Length: 000'], false],
    [['Content-Length: 1'], true],
    [['Content-Length: 0', 'Content-Length: 5'], true],
    [['Content-Length: none'], true],
    [['Transfer-Encoding: chunked'], true],
  ])('RFC 9112 §6.3 with %j a body: %s', (fields, expected) => {
    const head = headOf(fields);
    expect(announcesBody(head.headers)).toBe(expected);
    expect(allowsNextRequest(head)).toBe(!expected);
  });

  it.each([
    [[], '1.1', true],
    [['Connection: keep-alive'], '1.1', true],
    [['Connection: Close'], '1.1', false],
    [['Connection: x, close'], '1.1', false],
    [[], '1.0', false],
    [['Connection: keep-alive'], '1.0', false],
  ])('RFC 9112 §9.3 %j in HTTP/%s, another request: %s', (fields, version, expected) => {
    expect(allowsNextRequest(headOf(fields, version))).toBe(expected);
  });
});
