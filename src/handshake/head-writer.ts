/**
 * Writes the heads of HTTP/1.1 messages, for both sides of the handshake (§4.1, §4.2.2). Names and values become bytes
 * here, so line breaks and other illegal characters are refused here, before anything is sent. Its strings hold one
 * character per byte: write them as Latin-1. It refuses to know what the fields mean.
 */

import { checkHeaderName, checkHeaderValue } from './header-fields.ts';

export type HeaderField = readonly [name: string, value: string];

/** Fields that frame a body; in these heads they could only mislead whoever reads along. */
const BODY_FIELDS = ['content-length', 'transfer-encoding'];

const REASON_PHRASES: Readonly<Record<number, string>> = {
  101: 'Switching Protocols',
  200: 'OK',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Entity',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  511: 'Network Authentication Required',
};

/** The usual reason phrase of an HTTP status, or '' for one not in the table (the phrase may be empty, RFC 9112 §4). */
export function reasonPhrase(status: number): string {
  return REASON_PHRASES[status] ?? '';
}

/** A status line without its line end. */
export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}`;
}

/** @throws TypeError when `fields` has one of `reserved` (lower case) or one that frames a body */
export function checkExtraFields(fields: readonly HeaderField[], reserved: readonly string[]): void {
  for (const [name] of fields) {
    const lowerCaseName = name.toLowerCase();
    if (reserved.includes(lowerCaseName) || BODY_FIELDS.includes(lowerCaseName)) {
      throw new TypeError(`Header ${name} belongs to the handshake: do not set it`);
    }
  }
}

/** @throws TypeError when the name or the value has illegal characters */
export function headerLine(name: string, value: string): string {
  checkHeaderName(name);
  checkHeaderValue(name, value);
  return `${name}: ${value}`;
}

/**
 * The head that consists of `lines`, the start line first, none with a line end. Checks each line again, because a
 * caller may have changed them in between.
 * @throws TypeError when a line has an illegal character
 */
export function formatHead(lines: readonly string[]): string {
  for (const line of lines) checkHeaderValue(`the line ${JSON.stringify(line)}`, line);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * The fields behind the start line of lines as `formatHead` takes them, names in lower case.
 * @throws TypeError when a name or a value has illegal characters
 */
export function fieldsOfLines([, ...lines]: readonly string[]): HeaderField[] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).trim();
    checkHeaderName(name);
    checkHeaderValue(name, value);
    return [name.toLowerCase(), value];
  });
}
