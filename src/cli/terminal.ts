/**
 * How a command speaks to a terminal. It uses colours only where a person looks and has not asked for none (NO_COLOR). A
 * reader that goes away early, as `head` does, is no error.
 */

import type { Tone } from '../inspector/index.ts';

const SGR: Readonly<Record<Tone, string>> = { heading: '1', fault: '1;31', good: '32', dim: '2', wire: '36' };

/** How to paint text on this stream: with ANSI codes on a terminal, else not at all. */
export function painterFor(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): (text: string, tone: Tone) => string {
  const { NO_COLOR, TERM } = environment;
  const hasColours = stream.isTTY === true && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
  return hasColours ? (text, tone) => `\u001b[${SGR[tone]}m${text}\u001b[0m` : (text) => text;
}

/** Lets the process end quietly when whoever reads its output has gone; any other fault of the stream is thrown. */
export function endQuietlyOnBrokenPipe(stream: NodeJS.WritableStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** Writes to stdout and waits until that has been taken: the end of the process cuts no long report. */
export async function print(text: string): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
}

/** One line to stderr, with the name of the program in front. */
export function complain(message: string): void {
  process.stderr.write(`framewright: ${message}\n`);
}

/** Arguments were wrong: says what, and where help is. Returns the exit status for that, 2. */
export function complainAboutUsage(command: string, message: string): 2 {
  complain(`${command}: ${message}`);
  process.stderr.write(`See "framewright ${command} --help".\n`);
  return 2;
}
