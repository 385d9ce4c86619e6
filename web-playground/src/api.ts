import { endpointsOf, sendTo } from './endpoint.ts';
import { exampleNamed } from './examples.ts';
import { createPlaygroundFetcher } from './fetcher.ts';
import { DemoSession } from './session.ts';

const endpoints = endpointsOf(document.baseURI);

export const send = sendTo(endpoints.http);
export const session = new DemoSession(send, signInOperation());
export const fetcher = createPlaygroundFetcher(send, endpoints.socket, session);

function signInOperation() {
  const { query, operationName, variables } = exampleNamed('sign-in');
  return { query, operationName, variables };
}
