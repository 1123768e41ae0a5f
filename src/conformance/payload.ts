/**
 * Payloads as the cases describe them: a few bytes, or a unit repeated up to a length of megabytes. They become bytes
 * when they are sent, so that the table of all cases stays small.
 */

export interface Payload {
  /** Repeated and cut off to fill `lengthBytes`; the bytes themselves when it is just as long. */
  readonly unit: Uint8Array;
  readonly lengthBytes: number;
}

const utf8 = new TextEncoder();

export const NOTHING: Payload = bytes('');

/** Literal bytes, in hexadecimal. */
export function bytes(hex: string): Payload {
  const unit = Uint8Array.from(Buffer.from(hex, 'hex'));
  return { unit, lengthBytes: unit.length };
}

/** Text, as its UTF-8. */
export function text(characters: string): Payload {
  const unit = utf8.encode(characters);
  return { unit, lengthBytes: unit.length };
}

/** `unit` over and over, until there are `lengthBytes` of it. */
export function repeated(unit: Payload, lengthBytes: number): Payload {
  return { unit: unit.unit, lengthBytes };
}

/** Several payloads behind each other. */
export function joined(...parts: readonly Payload[]): Payload {
  const unit = Uint8Array.from(Buffer.concat(parts.map(payloadBytes)));
  return { unit, lengthBytes: unit.length };
}

/** The payload in memory of its own. */
export function payloadBytes({ unit, lengthBytes }: Payload): Uint8Array {
  const filled = new Uint8Array(lengthBytes);
  filled.set(unit.subarray(0, lengthBytes));
  // What is there is doubled until it fills the rest: a megabyte takes twenty copies, not a million.
  for (let length = unit.length; length > 0 && length < lengthBytes; length *= 2) filled.copyWithin(length, 0, length);
  return filled;
}

/** Whether the payload is exactly `received`. */
export function isPayload({ unit, lengthBytes }: Payload, received: Uint8Array): boolean {
  return received.length === lengthBytes && received.every((byte, i) => byte === unit[i % unit.length]);
}

const READABLE = /^[\x20-\x7e]+$/;
const MAX_SHOWN_BYTES = 32;

/** A payload for people: its length, and what fits on a line. */
export function describeBytes(payload: Uint8Array, lengthBytes = payload.length): string {
  if (lengthBytes === 0) return '0 bytes';
  const shown = payload.subarray(0, Math.min(MAX_SHOWN_BYTES, lengthBytes));
  const characters = Buffer.from(shown).toString('latin1');
  const hex = Buffer.from(shown).toString('hex');
  const ellipsis = shown.length < lengthBytes ? '…' : '';
  const count = lengthBytes === 1 ? '1 byte' : `${lengthBytes} bytes`;
  return `${count} ${READABLE.test(characters) ? JSON.stringify(characters + ellipsis) : hex + ellipsis}`;
}

export function describePayload({ unit, lengthBytes }: Payload): string {
  return describeBytes(unit, lengthBytes);
}

const MAX_LOGGED_BYTES = 64;

/** The beginning of a payload as Autobahn's reports have it: text where it is UTF-8, else hex; ` ...` where there is more. */
export function loggedText(payload: Uint8Array, lengthBytes = payload.length): string {
  try {
    const shown = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(logged(payload));
    return shown + ellipsis(lengthBytes);
  } catch {
    return `0x${loggedHex(payload, lengthBytes)}`;
  }
}

export function loggedHex(payload: Uint8Array, lengthBytes = payload.length): string {
  return Buffer.from(logged(payload)).toString('hex') + ellipsis(lengthBytes);
}

function logged(payload: Uint8Array): Uint8Array {
  return payload.subarray(0, MAX_LOGGED_BYTES);
}

function ellipsis(lengthBytes: number): string {
  return lengthBytes > MAX_LOGGED_BYTES ? ' ...' : '';
}
