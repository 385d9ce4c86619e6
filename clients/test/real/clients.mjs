// The five clients, each as its own documentation sets it up, and each with the same three things to do:
// `run(operation, variables)`, `watch(operation, variables, onEvent)` and `end()`.
import { apollo } from './apollo.mjs';
import { graphqlSse } from './graphql-sse.mjs';
import { graphqlWs } from './graphql-ws.mjs';
import { relayEnvironment } from './relay.mjs';
import { urql } from './urql.mjs';

export const CLIENTS = {
  'graphql-ws': graphqlWs,
  'graphql-sse': graphqlSse,
  'Apollo Client': apollo,
  urql,
  Relay: relayEnvironment,
};
