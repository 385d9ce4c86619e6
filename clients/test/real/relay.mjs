// Relay: the environment, and what is done with it. `RELAY` are the operations as its compiler writes them.
import { createClient } from 'graphql-ws';
import relay from 'relay-runtime';
import WebSocket from 'ws';
import { CONSISTENCY_HEADER, ConsistencyTokens, errorsOf, PERSISTENT, subscribeWithResume } from '@millrace/client';
import { isUnauthenticated } from './answers.mjs';
import { RELAY } from './operations.mjs';

export function relayEnvironment(url, session) {
  const tokens = new ConsistencyTokens();
  // One socket for all subscriptions. Each time that it opens it asks for a token that is good.
  const socket = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams: session.connectionParams, ...PERSISTENT });

  async function send(query, variables, authorization) {
    const brought = tokens.toBring();
    const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json', authorization };
    if (brought !== null) headers[CONSISTENCY_HEADER] = brought;
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    const answer = await response.json();
    tokens.take(answer, brought);
    return answer;
  }

  async function fetchFunction({ text }, variables) {
    const answer = await send(text, variables, await session.authorization());
    if (!isUnauthenticated(answer.errors)) return answer;
    await session.renew();
    return send(text, variables, session.header);
  }

  const subscribeFunction = ({ text }, variables) =>
    relay.Observable.create((sink) => {
      const brought = tokens.toBring();
      const extensions = brought === null ? {} : { millrace: { consistency: brought } };
      return subscribeWithResume(socket, { query: text, variables, extensions }, {
        next: (answer) => sink.next(answer),
        error: (problem) => sink.error(new Error(JSON.stringify(errorsOf(problem)))),
        complete: () => sink.complete(),
      });
    });

  const network = relay.Network.create(fetchFunction, subscribeFunction);
  const environment = new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) });

  const query = (name, variables) =>
    relay.fetchQuery(environment, RELAY[name], variables, { fetchPolicy: 'network-only' }).toPromise();
  const mutate = (name, variables) =>
    new Promise((onCompleted, onError) => relay.commitMutation(environment, { mutation: RELAY[name], variables, onCompleted, onError }));
  return {
    run: (name, variables) => (name === 'Viewer' ? query : mutate)(name, variables),
    watch: (name, variables, onEvent) => {
      const onNext = ({ event }) => onEvent(event);
      const onError = (problem) => { throw problem; };
      return relay.requestSubscription(environment, { subscription: RELAY[name], variables, onNext, onError }).dispose;
    },
    end: () => socket.dispose(),
  };
}
