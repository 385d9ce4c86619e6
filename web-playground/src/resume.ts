import type { Client, ExecutionResult, Sink, SubscribePayload } from 'graphql-ws';

/** The variable that a subscription must declare to be resumable: `subscription ($after: String) { field(after: $after) { … } }`. */
const CURSOR_VARIABLE = 'after';

/**
 * Subscribes like `client.subscribe`, and resumes behind the last event's `cursor` when the client reconnects.
 *
 * graphql-ws sends the first variables again after it has reconnected, which would repeat events or, without a snapshot, lose
 * some. It writes the payload out anew for each connection, so a payload whose variables are read at that moment carries the
 * newest cursor. The operation must select `cursor` under its own name and declare `$after`; else each reconnection starts
 * with a fresh snapshot, as the first connection did.
 *
 * Returns the function that ends the subscription. After it the sink hears nothing more, not even the end: a client that is
 * about to reconnect would tell that late, when another subscription may run already.
 */
export function subscribeWithResume(client: Client, payload: SubscribePayload, sink: Sink<ExecutionResult>): () => void {
  let lastCursor: string | null = null;
  let isEnded = false;
  const resumable: SubscribePayload = {
    ...payload,
    get variables() {
      return lastCursor === null ? payload.variables : { ...payload.variables, [CURSOR_VARIABLE]: lastCursor };
    },
  };
  const end = client.subscribe(resumable, {
    next(result) {
      if (isEnded) return;
      lastCursor = cursorOf(result) ?? lastCursor;
      sink.next(result as ExecutionResult);
    },
    error: (problem) => isEnded || sink.error(problem),
    complete: () => isEnded || sink.complete(),
  });
  return () => {
    isEnded = true;
    end();
  };
}

/** The cursor in an event: a subscription has exactly one root field. */
function cursorOf(result: { data?: unknown }): string | null {
  const event = Object.values(result.data ?? {})[0] as { cursor?: unknown } | null | undefined;
  return typeof event?.cursor === 'string' ? event.cursor : null;
}
