import type { Fetcher, FetcherParams, Observable } from '@graphiql/toolkit';
import { parse, type GraphQLError, type OperationDefinitionNode } from 'graphql';
import type { ExecutionResult } from 'graphql-ws';
import { errorsOf, subscribeWithResume, type LiveClient, type LiveSink } from '../../clients/src/index.ts';
import type { Answer, Send } from './endpoint.ts';
import { toHeaders } from './headers.ts';
import { liveClients, type Endpoints } from './live-clients.ts';
import { liveStatus, setLiveStatus } from './live-status.ts';
import { withIds } from './placeholders.ts';
import type { DemoSession } from './session.ts';
import type { Transport, TransportChoice } from './transport.ts';

/**
 * Sends queries and mutations by POST and subscriptions as was chosen. GraphiQL's own fetcher drops the Headers editor on the
 * way to a socket client, so a token would work for queries and silently fail for subscriptions.
 */
export function createPlaygroundFetcher(send: Send, endpoints: Endpoints, session: DemoSession, choice: TransportChoice): Fetcher {
  const clientFor = liveClients(endpoints, session);
  return async (typed, options) => {
    const headers = toHeaders(options?.headers);
    const params = await withIds(typed, send, await session.fresh(headers));
    const operation = selectedOperation(params);
    const payload = { ...params, operationName: operation?.name?.value ?? params.operationName };
    const transport = choice.chosen();
    if (operation?.operation === 'subscription') return liveResults(clientFor(transport, headers), payload, transport);
    return result(async () => send(payload, await session.fresh(headers)));
  };
}

/** The answer; a failure on the way to it becomes an answer too, because GraphiQL would show it with where in its code that was. */
async function result(request: () => Promise<Answer>): Promise<ExecutionResult> {
  try {
    return (await request()) as ExecutionResult;
  } catch (problem) {
    return { errors: errorsOf(problem) as GraphQLError[] };
  }
}

/** The operation to run. GraphiQL's idea of its name lags behind the editor for a moment, which must not matter when there is only one. */
function selectedOperation(params: FetcherParams): OperationDefinitionNode | undefined {
  const operations = operationsIn(params.query);
  return operations.length === 1 ? operations[0] : operations.find((operation) => operation.name?.value === params.operationName);
}

function operationsIn(query: string): OperationDefinitionNode[] {
  try {
    return parse(query).definitions.filter((definition) => definition.kind === 'OperationDefinition');
  } catch {
    // The server tells better what is wrong with the text.
    return [];
  }
}

interface Observer {
  next(result: ExecutionResult): void;
  complete(): void;
}

/** An observable and no async generator: a generator that waits for the next event can't be stopped from outside. */
function liveResults(client: LiveClient, params: FetcherParams, transport: Transport): Observable<ExecutionResult> {
  const begin = (observer: Observer) => {
    setLiveStatus({ state: 'connecting', events: 0, resumes: 0, operationName: params.operationName ?? null, transport });
    return start(client, params, observer);
  };
  const subscribe = (observer: Observer) => ({ unsubscribe: begin(observer) });
  // The library's type also has a form with three functions, which GraphiQL never calls.
  return { subscribe } as unknown as Observable<ExecutionResult>;
}

/** Starts a subscription and returns the function that ends it. */
function start(client: LiveClient, params: FetcherParams, observer: Observer): () => void {
  const sink: LiveSink = {
    next(result) {
      setLiveStatus({ state: 'live', events: liveStatus().events + 1 });
      observer.next(result as ExecutionResult);
    },
    error(problem) {
      setLiveStatus('off');
      // As an answer, so that the server's codes are seen; as an error GraphiQL would show where in its code that was.
      observer.next({ errors: errorsOf(problem) as GraphQLError[] });
      observer.complete();
    },
    complete() {
      setLiveStatus('off');
      observer.complete();
    },
  };
  // Whoever tries things out wants to see `HistoryGone` and errors, rather than what comes after them.
  const end = subscribeWithResume(client, params, sink, { restarts: false });
  return () => {
    setLiveStatus('off');
    end();
  };
}
