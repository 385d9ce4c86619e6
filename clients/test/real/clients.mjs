// The five clients, each as its own documentation sets it up, and each with the same three things to do:
// `run(operation, variables)`, `watch(variables, onEvent)` and `end()`.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, ServerError } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { cacheExchange, Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { authExchange } from '@urql/exchange-auth';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import relay from 'relay-runtime';
import WebSocket from 'ws';
import { consistencyLink, liveLink, RevisionCache } from '../.build/apollo/index.js';
import { ConsistencyTokens, errorsOf, PERSISTENT, subscribeWithResume } from '../.build/index.js';
import { consistencyExchange, forwardWithResume } from '../.build/urql/index.js';
import { RELAY, TEXTS } from './operations.mjs';
import { send } from './session.mjs';

const UNAUTHENTICATED = 'UNAUTHENTICATED';
const isUnauthenticated = (errors) => Array.isArray(errors) && errors.some((error) => error.extensions?.code === UNAUTHENTICATED);

function socketTo(url, session) {
  const connectionParams = async () => ({ Authorization: await session.authorization() });
  return createWsClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, connectionParams, ...PERSISTENT });
}

/** The result of an operation that has one. */
function only(client, payload) {
  return new Promise((resolve, reject) => {
    let result;
    client.subscribe(payload, { next: (next) => (result = next), error: reject, complete: () => resolve(result) });
  });
}

function dataOf({ data, errors }) {
  if (errors?.length) throw Object.assign(new Error(JSON.stringify(errors)), { errors });
  return data;
}

function watchOver(client, variables, onEvent) {
  return subscribeWithResume(client, { query: TEXTS.Watch, variables }, {
    next: (result) => onEvent(dataOf(result).commentAdded),
    error: (problem) => { throw new Error(JSON.stringify(errorsOf(problem))); },
    complete: () => { throw new Error('the subscription has ended'); },
  });
}

/** Everything over one socket. A token that ended while it was open is replaced, and the socket opened anew: the subscription resumes. */
function graphqlWs(url, session) {
  const socket = socketTo(url, session);
  const attempt = async (name, variables) => dataOf(await only(socket, { query: TEXTS[name], variables }));
  return {
    run: (name, variables) =>
      attempt(name, variables).catch(async (problem) => {
        if (!isUnauthenticated(problem)) throw problem;
        await session.renew();
        socket.terminate();
        return attempt(name, variables);
      }),
    watch: (variables, onEvent) => watchOver(socket, variables, onEvent),
    end: () => socket.dispose(),
  };
}

/** Each operation is a request of its own, with headers that are read anew. */
function graphqlSse(url, session) {
  const headers = async () => ({ Authorization: await session.authorization() });
  const events = createSseClient({ url, headers, retryAttempts: Infinity, retry: PERSISTENT.retryWait });
  return {
    run: async (name, variables) => dataOf(await only(events, { query: TEXTS[name], variables })),
    watch: (variables, onEvent) => watchOver(events, variables, onEvent),
    end: () => events.dispose(),
  };
}

function apollo(url, session) {
  const socket = socketTo(url, session);
  const refused = (error) => (CombinedGraphQLErrors.is(error) ? isUnauthenticated(error.errors) : ServerError.is(error) && error.statusCode === 401);
  const renewing = new ErrorLink(({ error, operation, forward }) => {
    if (refused(error)) return forward(operation);
  });
  const authorizing = new SetContextLink(async ({ headers }) => ({ headers: { ...headers, authorization: await session.authorization() } }));
  const live = ApolloLink.split(({ operationType }) => operationType === 'subscription', liveLink(socket), new HttpLink({ uri: url, fetch }));
  const client = new ApolloClient({
    cache: new RevisionCache(),
    link: ApolloLink.from([consistencyLink(new ConsistencyTokens()), renewing, authorizing, live]),
  });
  const documents = Object.fromEntries(Object.entries(TEXTS).map(([name, text]) => [name, gql(text)]));
  return {
    run: async (name, variables) => {
      const isQuery = name === 'Viewer';
      const { data } = isQuery
        ? await client.query({ query: documents[name], variables, fetchPolicy: 'network-only' })
        : await client.mutate({ mutation: documents[name], variables });
      return data;
    },
    watch: (variables, onEvent) => {
      const told = client.subscribe({ query: documents.Watch, variables, fetchPolicy: 'no-cache' });
      const subscription = told.subscribe({ next: (result) => onEvent(dataOf(result).commentAdded), error: (problem) => { throw problem; } });
      return () => subscription.unsubscribe();
    },
    end: () => (client.stop(), socket.dispose()),
  };
}

function urql(url, session) {
  const socket = socketTo(url, session);
  const auth = authExchange(async (utils) => ({
    addAuthToOperation: (operation) => utils.appendHeaders(operation, { Authorization: session.header }),
    willAuthError: () => session.isOver,
    didAuthError: (error) => error.response?.status === 401 || isUnauthenticated(error.graphQLErrors),
    refreshAuth: () => session.renew(),
  }));
  const live = subscriptionExchange({ forwardSubscription: forwardWithResume(socket) });
  const exchanges = [cacheExchange, consistencyExchange(new ConsistencyTokens()), auth, live, fetchExchange];
  const client = new UrqlClient({ url, fetch, preferGetMethod: false, exchanges });
  const result = ({ data, error }) => {
    if (error) throw error;
    return data;
  };
  return {
    run: async (name, variables) =>
      result(await (name === 'Viewer' ? client.query(TEXTS[name], variables, { requestPolicy: 'network-only' }) : client.mutation(TEXTS[name], variables)).toPromise()),
    watch: (variables, onEvent) => client.subscription(TEXTS.Watch, variables).subscribe((told) => onEvent(result(told).commentAdded)).unsubscribe,
    end: () => socket.dispose(),
  };
}

function relayNetwork(url, session) {
  const socket = socketTo(url, session);
  const fetchFunction = async ({ text }, variables) => {
    const answer = await send(url, text, variables, await session.authorization());
    if (!isUnauthenticated(answer.errors)) return answer;
    await session.renew();
    return send(url, text, variables, session.header);
  };
  const subscribeFunction = ({ text }, variables) =>
    relay.Observable.create((sink) =>
      subscribeWithResume(socket, { query: text, variables }, {
        next: (answer) => sink.next(answer),
        error: (problem) => sink.error(new Error(JSON.stringify(errorsOf(problem)))),
        complete: () => sink.complete(),
      }),
    );
  const network = relay.Network.create(fetchFunction, subscribeFunction);
  const environment = new relay.Environment({ network, store: new relay.Store(new relay.RecordSource()) });
  const mutate = (mutation, variables) =>
    new Promise((onCompleted, onError) => relay.commitMutation(environment, { mutation, variables, onCompleted, onError }));
  return {
    run: (name, variables) =>
      name === 'Viewer' ? relay.fetchQuery(environment, RELAY[name], variables, { fetchPolicy: 'network-only' }).toPromise() : mutate(RELAY[name], variables),
    watch: (variables, onEvent) => {
      const onError = (problem) => { throw problem; };
      const { dispose } = relay.requestSubscription(environment, { subscription: RELAY.Watch, variables, onNext: ({ commentAdded }) => onEvent(commentAdded), onError });
      return dispose;
    },
    end: () => socket.dispose(),
  };
}

export const CLIENTS = {
  'graphql-ws': graphqlWs,
  'graphql-sse': graphqlSse,
  'Apollo Client': apollo,
  urql,
  Relay: relayNetwork,
};
