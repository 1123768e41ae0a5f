/**
 * Web IDL, as far as the WebSockets Standard needs it. Conversions turn what programs give into what the standard's
 * algorithms work on, or refuse it with the exception that browsers throw; classes get what interfaces have there.
 */

import { Buffer } from 'node:buffer';
import { types } from 'node:util';

/** Bytes as the standard takes them: none that other threads see, or that change their length. */
export type BufferSource = ArrayBuffer | ArrayBufferView;

/** ArrayBuffer since ES2024. */
type MaybeResizable = ArrayBufferLike & { readonly resizable?: boolean };

const MAX_UNSIGNED_SHORT = 65_535;

/** Gives a class what Web IDL gives to interfaces: its name, members that are enumerable, and a tag for `toString`. */
export function defineInterface(name: string, Class: { readonly prototype: object }): void {
  const { prototype } = Class;
  // A bundler may have had to give the class another name.
  Object.defineProperty(Class, 'name', { value: name });
  for (const member of Object.getOwnPropertyNames(prototype)) {
    if (member !== 'constructor') Object.defineProperty(prototype, member, { enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

export function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** As `DOMString`. @throws {TypeError} for symbols and objects that cannot be made a string */
export function toDomString(value: unknown): string {
  // Unlike String(), it refuses symbols.
  return `${value}`;
}

/** As `USVString`: half surrogate pairs become U+FFFD. @throws {TypeError} as `toDomString` */
export function toUsvString(value: unknown): string {
  return toDomString(value).replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** As `[Clamp] unsigned short`. @throws {TypeError} for what cannot be a number */
export function toClampedUnsignedShort(value: unknown): number {
  const number = Number(value);
  if (Number.isNaN(number)) return 0;
  const clamped = Math.min(Math.max(number, 0), MAX_UNSIGNED_SHORT);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  // To the nearest, and from the middle to the even one.
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** As `[EnforceRange] unsigned short`. @throws {TypeError} for what is no number from 0 to 65535 */
export function toEnforcedUnsignedShort(value: unknown, name: string): number {
  const number = Math.trunc(Number(value));
  if (!(number >= 0 && number <= MAX_UNSIGNED_SHORT)) {
    throw new TypeError(`${name} must be a number from 0 to ${MAX_UNSIGNED_SHORT}, not ${String(value)}`);
  }
  return number;
}

/** As a dictionary: nothing is an empty one. @throws {TypeError} for what is no object */
export function toDictionary(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new TypeError(`${name} must be an object, not ${typeof value}`);
  return value as Record<string, unknown>;
}

export function isIterable(value: unknown): value is Iterable<unknown> {
  return isObject(value) && (value as Partial<Iterable<unknown>>)[Symbol.iterator] != null;
}

/** As `sequence<DOMString>`. @throws {TypeError} for what cannot be iterated over, strings included */
export function toStringSequence(value: unknown, name: string): string[] {
  if (!isIterable(value)) throw new TypeError(`${name} must be an array of strings, not ${typeof value}`);
  return Array.from(value, toDomString);
}

/**
 * The bytes of a `BufferSource`, where they lie; undefined for anything else.
 * @throws {TypeError} when other threads share the memory, or it is resizable
 */
export function toBytes(value: unknown): Buffer | undefined {
  if (types.isArrayBuffer(value)) {
    refuseResizable(value);
    return Buffer.from(value);
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  if (types.isSharedArrayBuffer(value.buffer))
    throw new TypeError('A view on a SharedArrayBuffer cannot be sent: copy it');
  refuseResizable(value.buffer);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function refuseResizable(memory: MaybeResizable): void {
  if (memory.resizable) throw new TypeError('A resizable ArrayBuffer cannot be sent: copy it');
}
