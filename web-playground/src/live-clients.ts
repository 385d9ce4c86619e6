import { createClient } from 'graphql-ws';
import { backoffMs } from '../../clients/src/backoff.ts';
import { PERSISTENT, type LiveClient } from '../../clients/src/index.ts';
import { liveStatus, setLiveStatus } from './live-status.ts';
import type { DemoSession } from './session.ts';
import { sseClient } from './sse-client.ts';
import { persistentSse } from './sse.ts';
import type { Transport } from './transport.ts';

/** Where subscriptions are asked for. */
export interface Endpoints {
  http: string;
  socket: string;
}

type Headers = Record<string, string>;

/** The client for a transport and headers: one for each distinct pair, since a socket carries its headers once for all that is on it. */
export function liveClients(endpoints: Endpoints, session: DemoSession): (transport: Transport, headers: Headers) => LiveClient {
  const clients = new Map<string, LiveClient>();
  const make = { websocket: bySocket, sse: byEvents };
  return (transport, headers) => {
    const key = JSON.stringify([transport, ...Object.entries(headers).sort()]);
    const client = clients.get(key) ?? make[transport](endpoints, () => session.fresh(headers));
    clients.set(key, client);
    return client;
  };
}

const connecting = (isRetry: boolean) => setLiveStatus({ state: isRetry ? 'reconnecting' : 'connecting' });
const connected = (wasRetry: boolean) => setLiveStatus({ state: 'live', resumes: liveStatus().resumes + (wasRetry ? 1 : 0) });

function bySocket({ socket }: Endpoints, headers: () => Promise<Headers>): LiveClient {
  const on = { connecting, connected: (_socket: unknown, _payload: unknown, wasRetry: boolean) => connected(wasRetry) };
  return createClient({ url: socket, connectionParams: headers, on, ...PERSISTENT });
}

function byEvents({ http }: Endpoints, headers: () => Promise<Headers>): LiveClient {
  return persistentSse(sseClient(http, headers), { connecting, connected }, backoffMs);
}
