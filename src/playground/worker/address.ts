/** Where the WebSocket of a server is that serves pages at `base`. */
export function addressOf(base: string): string {
  return base.replace(/^http/, 'ws').replace(/\?.*$/, '');
}

/** As it is written in full. Without a scheme it is ws:. */
export function completeAddress(text: string): string {
  const address = /^[a-z+]+:\/\//i.test(text) ? text : `ws://${text}`;
  return URL.canParse(address) ? new URL(address).href.replace(/^http/, 'ws') : address;
}
