// What graphql-ws and graphql-sse have in common.
import { errorsOf, subscribeWithResume } from '@millrace/client';
import { dataOf } from './answers.mjs';
import { TEXTS } from './operations.mjs';

/** The result of an operation that has one. */
export function only(client, payload) {
  return new Promise((resolve, reject) => {
    let result;
    client.subscribe(payload, { next: (next) => (result = next), error: reject, complete: () => resolve(result) });
  });
}

/** The events of a subscription that goes on after its last cursor. */
export function watchOver(client, name, variables, onEvent) {
  return subscribeWithResume(client, { query: TEXTS[name], variables }, {
    next: (result) => onEvent(dataOf(result).event),
    error: (problem) => { throw new Error(JSON.stringify(errorsOf(problem))); },
    complete: () => { throw new Error('the subscription has ended'); },
  });
}
