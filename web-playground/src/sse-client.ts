import { createClient } from 'graphql-sse';
import type { SseClient } from './sse.ts';

/** graphql-sse's client that tries each subscription once, and tells of every end. */
export function sseClient(url: string, headers: () => Promise<Record<string, string>>, send: typeof fetch = fetch): SseClient {
  return createClient({ url, headers, retryAttempts: 0, fetchFn: endingLoudly(send) }) as SseClient;
}

/**
 * Makes an error of a body's end: after `complete` nobody reads on, and any other end is a break. graphql-sse sees no break in it if it
 * comes before the last event is handed on, and would wait for the next one for ever.
 */
function endingLoudly(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await send(input, init);
    if (!response.ok || response.body === null) return response;
    return new Response(response.body.pipeThrough(new TransformStream({ flush: failAtEnd })), response);
  };
}

function failAtEnd(): never {
  throw new TypeError('The stream ended without `complete`');
}
