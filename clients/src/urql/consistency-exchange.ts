import { makeOperation, mapExchange, type Exchange, type Operation } from '@urql/core';
import { CONSISTENCY_HEADER, type ConsistencyTokens } from '../tokens.ts';

/** Has each request bring what earlier answers gave, so that nobody is shown less than they have seen or done. */
export function consistencyExchange(tokens: ConsistencyTokens): Exchange {
  return mapExchange({
    onOperation(operation) {
      const brought = tokens.toBring();
      return brought === null ? operation : carrying(operation, brought);
    },
    onResult: ({ extensions, error, operation }) => tokens.take({ extensions, errors: error?.graphQLErrors }, operation.context.brought ?? null),
  });
}

/** A subscription has no headers of its own, so it brings the tokens in its `extensions`. */
function carrying(operation: Operation, brought: string): Operation {
  const { fetchOptions: given, ...context } = operation.context;
  const options = typeof given === 'function' ? given() : given;
  const fetchOptions = { ...options, headers: { ...(options?.headers as Record<string, string>), [CONSISTENCY_HEADER]: brought } };
  const extensions = { ...operation.extensions, millrace: { consistency: brought } };
  const request = operation.kind === 'subscription' ? { ...operation, extensions } : operation;
  return makeOperation(operation.kind, request, { ...context, fetchOptions, brought });
}
