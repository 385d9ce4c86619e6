import { useSyncExternalStore } from 'react';
import { transport } from './api.ts';
import { TRANSPORTS, type Transport } from './transport.ts';

/** Chooses how the next subscription comes. */
export function TransportSwitch() {
  const chosen = useSyncExternalStore(transport.onChange, transport.chosen);
  return (
    <label className="millrace-transport" title="How the next subscription comes: by a WebSocket or by server-sent events (SSE). What runs goes on as it is.">
      Live by
      <select value={chosen} onChange={(event) => transport.choose(event.target.value as Transport)}>
        {Object.entries(TRANSPORTS).map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}
