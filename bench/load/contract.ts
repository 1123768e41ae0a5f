/** What a load generator is told, and what it reports. */

export interface Target {
  readonly port: number;
  /** The server's processes, for what they use. */
  readonly pids: readonly number[];
  /** No opening handshake, and answers that are the requests' bytes. */
  readonly isRaw: boolean;
  /** Where clients publish, if not there. */
  readonly publishPort?: number;
  /** Others whose processor time is told apart, by name. */
  readonly beside?: Readonly<Record<string, readonly number[]>>;
  /** What is asked for, where it is not `/`. */
  readonly request?: { readonly path: string; readonly subprotocol?: string };
}

export interface Timing {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface EchoLoad {
  readonly kind: 'echo';
  readonly payloadBytes: number;
  readonly connections: number;
  /** Messages under way per connection. */
  readonly inFlight: number;
  readonly isText?: boolean;
}

export interface BroadcastLoad {
  readonly kind: 'broadcast';
  readonly payloadBytes: number;
  readonly connections: number;
  /** Messages that the speaker sends at once; the next when everybody has them. */
  readonly burst: number;
}

export interface DeflateLoad {
  readonly kind: 'deflate';
  readonly payloadBytes: number;
  readonly connections: number;
  /** The value of Sec-WebSocket-Extensions. */
  readonly offer: string;
  /** Of our compressor, 9 to 15. */
  readonly windowBits: number;
}

export interface ConnectLoad {
  readonly kind: 'connect';
  /** Connections under way. */
  readonly concurrency: number;
  /** Whether clients go as soon as they are let in, without a Close frame. Default false. */
  readonly isBrief?: boolean;
}

export interface MemoryLoad {
  readonly kind: 'memory';
  readonly first: number;
  readonly last: number;
  /** Each connection has echoed one message. */
  readonly isUsed: boolean;
}

export interface HeartbeatLoad {
  readonly kind: 'heartbeat';
  /** Connections that are there before memory is measured; and all of them. */
  readonly first: number;
  readonly connections: number;
  /** Of the server. */
  readonly intervalMs: number;
}

export interface LatencyLoad {
  readonly kind: 'latency';
  readonly payloadBytes: number;
  readonly connections: number;
  readonly perSecond: number;
  /** The servers collect all their garbage before: what V8 does from then on is what it does in a process that has been up for a while. */
  readonly isCollected: boolean;
}

export interface HttpLoad {
  readonly kind: 'http';
  readonly payloadBytes: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly httpConnections: number;
}

export interface ChannelLoad {
  readonly kind: 'channel';
  readonly language: string;
  readonly members: number;
  /** Messages that the server publishes at once; the next when everybody has them. */
  readonly perTick: number;
}

export interface JoinLoad {
  readonly kind: 'join';
  readonly language: string;
  readonly concurrency: number;
  /** With a connection for each. */
  readonly isOpening: boolean;
}

export interface MembersLoad {
  readonly kind: 'members';
  readonly language: string;
  readonly first: number;
  readonly last: number;
}

/** A kind of client that does harm. */
export type Trouble = 'tiny' | 'compressed' | 'sender' | 'reader' | 'upgrades';

export interface TrialLoad {
  readonly kind: 'trial';
  readonly troubles: readonly Trouble[];
  /** How long they go on; at half of it their processes are killed, and others begin. */
  readonly seconds: number;
}

export interface PublishersLoad {
  readonly kind: 'publishers';
  readonly language: string;
  readonly publishers: number;
  /** Of each channel. */
  readonly members: number;
  readonly channels: number;
  /** Publications of each publisher that are under way at once; the next when all members have one. */
  readonly inFlight?: number;
  /** Without `inFlight`: publications per second of all together, one rate after the other. */
  readonly rates?: readonly number[];
}

export type Load =
  | EchoLoad
  | BroadcastLoad
  | DeflateLoad
  | ConnectLoad
  | MemoryLoad
  | HeartbeatLoad
  | LatencyLoad
  | HttpLoad
  | ChannelLoad
  | JoinLoad
  | MembersLoad
  | TrialLoad
  | PublishersLoad;

/** Figures by name. `utilisation`: of the generator, 0 to 1. */
export type Figures = Readonly<Record<string, number>>;

export type RunLoad<Kind extends Load> = (target: Target, load: Kind, timing: Timing) => Promise<Figures>;
