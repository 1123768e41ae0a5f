/** Names in Redis. What belongs to a channel has the channel as hash tag, so that a cluster keeps it in one place. */

export interface Names {
  /** All databases of a Redis have topics in common. */
  topic(channel: string): string;
  /** The log, and the line beside it. */
  log(channel: string): readonly [string, string];
  /** Of a publication. */
  key(channel: string, key: string): string;
  /** Who is there, and which processes are alive. */
  presence(channel: string): readonly [string, string];
  /** On which a process hears itself. */
  process(id: string): string;
}

export function namesIn(prefix: string, database: number): Names {
  // A tag ends at the first brace, and half of a surrogate pair has no UTF-8.
  const safe = (text: string) => text.replace(/[%}]|\p{Cs}/gu, (found) => `%${found.charCodeAt(0).toString(16)}`);
  const tag = (channel: string) => `{${safe(channel)}}`;
  return {
    topic: (channel) => `${prefix}${database}:${tag(channel)}`,
    log: (channel) => [`${prefix}log:${tag(channel)}`, `${prefix}line:${tag(channel)}`],
    key: (channel, key) => `${prefix}key:${tag(channel)}${safe(key)}`,
    presence: (channel) => [`${prefix}who:${tag(channel)}`, `${prefix}alive:${tag(channel)}`],
    process: (id) => `${prefix}${database}:process:${id}`,
  };
}
