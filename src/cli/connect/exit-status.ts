/** With which status `framewright connect` ends: scripts tell by it how the connection did. */

export const ExitStatus = {
  Ok: 0,
  NotConnected: 1,
  Usage: 2,
  Timeout: 3,
  TooFewMessages: 4,
} as const;

/** What 1001 to 1015 become: 11 to 25. */
const REGISTERED_OFFSET = 990;

/** Of a connection that the other side has closed with this code (§7.4). */
export function statusOfClose(code: number): number {
  if (code === 1000 || code === 1005) return ExitStatus.Ok;
  if (code > 1000 && code < 1016) return code - REGISTERED_OFFSET;
  if (code >= 3000 && code < 4000) return 30;
  return code >= 4000 && code < 5000 ? 40 : ExitStatus.NotConnected;
}

export const EXIT_STATUS_HELP = `Exit status: 0 closed in order, by us or by the server with 1000 or without a code; 1 not connected;
2 wrong arguments; 3 --timeout has passed; 4 the end came before --count messages; 11 to 25 for the
Close codes 1001 to 1015, so 16 when the connection was cut (1006); 30 for 3000 to 3999, 40 for 4000
to 4999; 130 Ctrl-C and 143 SIGTERM, in pipes.
`;
