/** Where the WebSocket of a server is that serves pages at `base`. */
export function addressOf(base: string): string {
  return base.replace(/^http/, 'ws').replace(/\?.*$/, '');
}
