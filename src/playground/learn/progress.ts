/** Which lessons somebody has done, kept in the browser where it lets us. */

const KEY = 'framewright.lessons';

export function readProgress(): ReadonlySet<string> {
  try {
    return new Set((localStorage.getItem(KEY) ?? '').split(' ').filter(Boolean));
  } catch {
    return new Set();
  }
}

export function writeProgress(done: ReadonlySet<string>): void {
  try {
    localStorage.setItem(KEY, [...done].join(' '));
  } catch {
    // Then it is forgotten with the page.
  }
}
