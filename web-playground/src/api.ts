import { endpointsOf, sendTo } from './endpoint.ts';
import { createPlaygroundFetcher } from './fetcher.ts';
import { DemoSession } from './session.ts';
import { signInOperation } from './sign-in.ts';
import { createPlaygroundStorage } from './storage.ts';
import { TransportChoice } from './transport.ts';

const endpoints = endpointsOf(document.baseURI);

export const send = sendTo(endpoints.http);
export const session = new DemoSession(send, signInOperation());
export const storage = createPlaygroundStorage('millrace');
export const transport = new TransportChoice(storage);
export const fetcher = createPlaygroundFetcher(send, endpoints, session, transport);
