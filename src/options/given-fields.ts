/** Header fields in the forms in which programs give them: a plain object, a `Headers` of the Fetch Standard, or a Map. */

/** Whether it has one of these forms; other objects have fields too, in places of their own. */
export function areFields(value: unknown): value is object {
  return isPlainObject(value) || (typeof value === 'object' && value !== null && isFieldMap(value));
}

/** Of any realm, whose Object.prototype has none above it. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Their names and values. */
export function fieldEntries(fields: object): (readonly [name: string, value: unknown])[] {
  return isFieldMap(fields) ? [...fields] : Object.entries(fields);
}

/** Of any realm, or a package that makes such. */
function isFieldMap(fields: object): fields is Iterable<readonly [string, unknown]> {
  const { [Symbol.toStringTag]: tag } = fields as { readonly [Symbol.toStringTag]?: unknown };
  return tag === 'Headers' || tag === 'Map';
}
