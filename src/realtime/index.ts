/** The realtime layer's server: `framewright/realtime`. */

export { type ClusterOptions, cluster } from '../engines/cluster/cluster.ts';
export { type ForkedProcess, serveEngine } from '../engines/cluster/serve-engine.ts';
export type { Engine } from '../engines/engine.ts';
export { type MemoryEngine, type MemoryOptions, memory } from '../engines/memory.ts';
export * from '../realtime-protocol/index.ts';
export type { EventHandler } from '../sse/serve-events.ts';
export type { CallContext } from './calls.ts';
export type { ChannelEventsOptions, EventsOpening, EventsRequest } from './channel-events.ts';
export type { AttachableServer } from './doors.ts';
export type { AdmissionOptions } from './gate.ts';
export type { AttachOptions, Hub, HubEvents, HubOptions, ReadOptions, ReadResult } from './hub.ts';
export { createHub } from './hub.ts';
export type { HubRequest } from './hub-request.ts';
export type { ChannelRules, HubUser, PublishContext, RuleContext } from './rules.ts';
export type { DisconnectOptions } from './siblings.ts';
export type { HubStatus } from './status.ts';
