import type { ApolloCache, OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useSubscription } from '@apollo/client/react';
import { useState } from 'react';
import { failureWords } from '../words/problems.ts';
import { rootOf, type OneField, type Root } from './root.ts';

interface LiveOptions<Data, Variables> {
  variables: Variables;
  /** For what the cache does not know by itself: entities in an event are kept anyway, lists are not. */
  onEvent?: (event: Root<Data>, cache: ApolloCache) => void;
}

/** Keeps what is on the page up to date. It resumes behind its last event by itself; why it had to end is told as words. */
export function useLive<Data extends OneField<unknown>, Variables extends OperationVariables>(
  document: TypedDocumentNode<Data, Variables>,
  { variables, onEvent }: LiveOptions<Data, Variables>,
): string | null {
  const [trouble, setTrouble] = useState<string | null>(null);
  useSubscription<Data, OperationVariables>(document as TypedDocumentNode<Data, OperationVariables>, {
    variables,
    ignoreResults: true,
    onData: ({ client, data }) => data.data && onEvent?.(rootOf(data.data as Data), client.cache),
    onError: (error) => setTrouble(failureWords(error)),
  });
  return trouble;
}
