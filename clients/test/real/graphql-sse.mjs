// Server-sent events, with graphql-sse alone: each operation is a request of its own, with headers that are read anew.
import { createClient } from 'graphql-sse';
import { PERSISTENT } from '@millrace/client';
import { dataOf } from './answers.mjs';
import { TEXTS } from './operations.mjs';
import { only, watchOver } from './streams.mjs';

export function graphqlSse(url, session) {
  const headers = async () => ({ Authorization: await session.authorization() });
  const events = createClient({ url, headers, retryAttempts: Infinity, retry: PERSISTENT.retryWait });
  return {
    run: async (name, variables) => dataOf(await only(events, { query: TEXTS[name], variables })),
    watch: (name, variables, onEvent) => watchOver(events, name, variables, onEvent),
    end: () => events.dispose(),
  };
}
