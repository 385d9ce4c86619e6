import { makeOperation, mapExchange, type Exchange, type Operation } from '@urql/core';
import { CONSISTENCY_HEADER, type ConsistencyTokens } from '../tokens.ts';

/** Has each request bring what earlier answers gave, so that nobody is shown less than they have seen or done. */
export function consistencyExchange(tokens: ConsistencyTokens): Exchange {
  return mapExchange({
    onOperation: (operation) => carrying(operation, tokens.toBring()),
    onResult: ({ extensions, error, operation }) => tokens.take({ extensions, errors: error?.graphQLErrors }, operation.context.brought ?? null),
  });
}

/** A subscription has no headers of its own, so it brings the tokens in its `extensions`. */
function carrying(operation: Operation, brought: string | null): Operation {
  if (brought === null) return operation;
  const { kind, context, extensions } = operation;
  const options = typeof context.fetchOptions === 'function' ? context.fetchOptions() : context.fetchOptions;
  const headers = { ...Object.fromEntries(new Headers(options?.headers)), [CONSISTENCY_HEADER]: brought };
  const request = kind === 'subscription' ? { ...operation, extensions: { ...extensions, millrace: { consistency: brought } } } : operation;
  return makeOperation(kind, request, { ...context, fetchOptions: { ...options, headers }, brought });
}
