/** Undoes what terminals, chats and word processors do to a text. */

const COLOURS = /\u001b\[[\d;]*m/g;
/** The lines of Markdown above and below code. */
const FENCE = /^[ \t]*(?:```|~~~)[^\n`]*$/gm;
const CURLY_QUOTES: readonly (readonly [RegExp, string])[] = [
  [/[\u201c-\u201f]/g, '"'],
  [/[\u2018-\u201b]/g, "'"],
];

/** Places in it stay what they are, but for colours. */
export function tidyText(text: string): string {
  const plain = withoutColours(text).replace(FENCE, (fence) => ' '.repeat(fence.length));
  // Between straight quotes, they are what they are.
  if (/["'`]/.test(plain)) return plain;
  return CURLY_QUOTES.reduce((tidied, [curly, straight]) => tidied.replace(curly, straight), plain);
}

export function withoutColours(text: string): string {
  return text.includes('\u001b') ? text.replace(COLOURS, '') : text;
}
