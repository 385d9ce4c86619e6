import type { Transport } from './transport.ts';

/** What the line under a live answer tells. */
export interface LiveStatus {
  state: 'off' | 'connecting' | 'live' | 'reconnecting';
  events: number;
  resumes: number;
  /** The subscription that runs. GraphiQL's own idea of the operation is that of the editor, and late by a moment. */
  operationName: string | null;
  /** How it comes. */
  transport: Transport;
}

const OFF: LiveStatus = { state: 'off', events: 0, resumes: 0, operationName: null, transport: 'websocket' };

let status = OFF;
const listeners = new Set<() => void>();

export function liveStatus(): LiveStatus {
  return status;
}

export function onLiveStatus(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setLiveStatus(change: Partial<LiveStatus> | 'off'): void {
  status = change === 'off' ? OFF : { ...status, ...change };
  for (const listener of listeners) listener();
}
