/**
 * Text from the wire as it may be shown: a peer chose it, so whatever could move a cursor, change a terminal's state or
 * turn the direction of writing is shown as an escape.
 */

/** Controls and DEL, line and paragraph separators, marks that set the direction of text, the byte order mark. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** In double quotes, with JSON's escapes and `\u` for everything else that is unsafe to print. */
export function quote(text: string): string {
  return printable(JSON.stringify(text));
}

/** Without quotes: what is unsafe to print as `\u` escapes, everything else as it is. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
