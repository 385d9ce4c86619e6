/** What the line under a live answer tells. */
export interface LiveStatus {
  state: 'off' | 'connecting' | 'live' | 'reconnecting';
  events: number;
  resumes: number;
}

const OFF: LiveStatus = { state: 'off', events: 0, resumes: 0 };

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
