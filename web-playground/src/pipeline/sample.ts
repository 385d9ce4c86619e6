/** How long events took for one hop, in the last minute. */
export interface Hop {
  p50Ms: number;
  p99Ms: number;
  count: number;
}

/** One projection, as the server saw it in a second. Null is "not known". */
export interface PipelineProjection {
  name: string;
  position: string;
  cachePosition: string | null;
  eventsPerSecond: number;
  backlog: string | null;
  lagMs: number | null;
  openFanOuts: number;
  parkedDocuments: number | null;
  toProjector: Hop | null;
  toCache: Hop | null;
  isStuck: boolean;
}

/** An event that was followed. Each duration is that of one hop, null where the event has not come that far. */
export interface PipelineEvent {
  name: string;
  projection: string;
  position: string;
  decidedAt: string;
  toStreamMs: number | null;
  toProjectorMs: number | null;
  toCacheMs: number | null;
  toSubscribersMs: number | null;
}

/** Something that is wrong: of the relay, a store, the cache or a projection. */
export interface PipelineTrouble {
  part: string;
  message: string;
}

/** What the server tells once a second. */
export interface PipelineSample {
  at: string;
  beatAgeMs: number | null;
  logPosition: string | null;
  streamPosition: string | null;
  relayBacklog: string | null;
  eventsPerSecond: number | null;
  toStream: Hop | null;
  toSubscribers: Hop | null;
  projections: PipelineProjection[];
  subscribers: number;
  deliveriesPerSecond: number;
  events: PipelineEvent[];
  troubles: PipelineTrouble[];
}

/** What became of a command in one projection. Milliseconds count from the decision. */
export interface ProjectionStatus {
  name: string;
  state: string;
  position: string;
  receivedMs: number | null;
  visibleMs: number | null;
}

/** What became of a command. */
export interface CommandStatus {
  id: string;
  state: string;
  firstPosition: string | null;
  lastPosition: string | null;
  decidedAt: string | null;
  aggregateId: string | null;
  streamedMs: number | null;
  projections: ProjectionStatus[];
}
