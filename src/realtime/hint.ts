/**
 * What only the one who writes the application can mend. Clients are told that they may not, and no more; he is told why, as a
 * process warning. Each thing is said once, since clients can cause it at will.
 */

/** @param key what it is about: from a set that clients cannot make longer */
export type Hint = (key: string, message: string) => void;

export function hintOnce(): Hint {
  const said = new Set<string>();
  return (key, message) => {
    if (said.has(key)) return;
    said.add(key);
    process.emitWarning(message, { type: 'FramewrightWarning', code: 'WS_WARN_HUB' });
  };
}
