import { PERSISTENT, subscribeWithResume, type LiveResult } from '@millrace/client';
import { print } from 'graphql';
import { createClient } from 'graphql-ws';
import { connectionParams, socketUrl } from '../api/client.ts';
import { WatchedPostDocument, type WatchedPostSubscription } from '../gql/graphql.ts';

export type Heard = WatchedPostSubscription['postChanged'];

/** What happens on the line, in the order in which it does. */
export interface Listener {
  /** The page asks for events, behind this cursor or from a snapshot on. */
  subscribed(after: string | null): void;
  heard(event: Heard): void;
  failed(problem: unknown): void;
}

/** A subscription on a socket of its own, which can be cut, and stays so until it is mended. */
export class Line {
  #mended: Promise<void> = Promise.resolve();
  #mend = () => {};
  readonly #client;
  readonly #end: () => void;

  constructor(postId: string, listener: Listener) {
    const retryWait = () => this.#mended;
    this.#client = createClient({ url: socketUrl(), connectionParams, ...PERSISTENT, retryWait, webSocketImpl: loggedSocket(listener) });
    const payload = { query: print(WatchedPostDocument), operationName: 'WatchedPost', variables: { id: postId } };
    this.#end = subscribeWithResume(this.#client, payload, {
      next: (result) => tell(listener, result),
      error: (problem) => listener.failed(problem),
      complete: () => {},
    });
  }

  cut(): void {
    this.#mended = new Promise((resolve) => (this.#mend = resolve));
    this.#client.terminate();
  }

  mend(): void {
    this.#mend();
  }

  end(): void {
    this.#mend();
    this.#end();
  }
}

function tell(listener: Listener, { data, errors }: LiveResult): void {
  const event = (data as WatchedPostSubscription | null | undefined)?.postChanged;
  if (event) listener.heard(event);
  else listener.failed(errors);
}

/** A socket that tells what the page asks for on the wire. */
function loggedSocket(listener: Listener) {
  return class extends WebSocket {
    override send(text: string): void {
      const message = JSON.parse(text) as { type: string; payload?: { variables?: { after?: string } } };
      if (message.type === 'subscribe') listener.subscribed(message.payload?.variables?.after ?? null);
      super.send(text);
    }
  };
}
