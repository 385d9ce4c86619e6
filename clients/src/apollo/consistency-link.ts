import { ApolloLink } from '@apollo/client';
import { tap } from 'rxjs';
import { CONSISTENCY_HEADER, type ConsistencyTokens } from '../tokens.ts';

/** Has each request bring what earlier answers gave, so that nobody is shown less than they have seen or done. */
export function consistencyLink(tokens: ConsistencyTokens): ApolloLink {
  return new ApolloLink((operation, forward) => {
    const brought = tokens.toBring();
    if (brought !== null) carry(operation, brought);
    return forward(operation).pipe(tap((answer) => tokens.take(answer, brought)));
  });
}

/** A subscription has no headers of its own, so it brings the tokens in its `extensions`. */
function carry(operation: ApolloLink.Operation, brought: string): void {
  if (operation.operationType === 'subscription') operation.extensions.millrace = { consistency: brought };
  else operation.setContext(({ headers }) => ({ headers: { ...headers, [CONSISTENCY_HEADER]: brought } }));
}
