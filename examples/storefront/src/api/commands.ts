import type { ApolloCache, ApolloClient, OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import { useState } from 'react';
import type { OutcomeFragment, ProblemFragment } from '../gql/graphql.ts';
import { failureWords, problemWords } from '../words/problems.ts';
import { IdempotencyKey } from './idempotency-key.ts';
import { rootOf, type OneField, type Root } from './root.ts';

/** Why a command did not take effect. */
export interface Trouble {
  /** What the shop says; null if it could not be asked. */
  problem: ProblemFragment | null;
  words: string;
}

interface CommandOptions<Data> {
  /** Names for the products in problems. */
  nameOf?: (productId: string) => string;
  /** What it will look like if all goes well. */
  optimistic?: Data;
  /** For what the cache does not know by itself: entities in a payload are kept anyway, lists are not. */
  update?: (payload: Root<Data>, cache: ApolloCache) => void;
}

interface Outcome<Data> {
  payload: Root<Data> | null;
  trouble: Trouble | null;
}

/** What the page gives: the key that a command may declare is put in here. */
type Input<Variables> = Omit<Variables, 'key'>;

/** A mutation: `run` answers its payload, or null and then there is `trouble`. */
export function useCommand<Data extends OneField<OutcomeFragment>, Variables extends OperationVariables>(
  document: TypedDocumentNode<Data, Variables>,
  options: CommandOptions<Data> = {},
) {
  const client = useApolloClient();
  const [state, setState] = useState<{ isBusy: boolean; trouble: Trouble | null }>({ isBusy: false, trouble: null });
  const [keys] = useState(() => new IdempotencyKey());
  const run = async (input: Input<Variables>): Promise<Root<Data> | null> => {
    setState({ isBusy: true, trouble: null });
    const key = keys.of(input);
    const { payload, trouble } = await carryOut(client, document, declaresKey(document) ? { ...input, key } : input, options);
    if (payload) keys.accepted(key);
    setState({ isBusy: false, trouble });
    return payload;
  };
  return { run, ...state };
}

async function carryOut<Data extends OneField<OutcomeFragment>, Variables extends OperationVariables>(
  client: ApolloClient,
  document: TypedDocumentNode<Data, Variables>,
  variables: OperationVariables,
  { nameOf, optimistic, update }: CommandOptions<Data>,
): Promise<Outcome<Data>> {
  try {
    const { data } = await client.mutate<Data, OperationVariables>({
      mutation: document as TypedDocumentNode<Data, OperationVariables>,
      variables,
      ...(optimistic && { optimisticResponse: optimistic as never }),
      update: (cache, { data: told }) => void (told && !problemIn(told) && update?.(rootOf(told as Data), cache)),
    });
    const problem = problemIn(data as Data);
    if (problem) return { payload: null, trouble: { problem, words: problemWords(problem, nameOf) } };
    return { payload: rootOf(data as Data), trouble: null };
  } catch (error) {
    return { payload: null, trouble: { problem: null, words: failureWords(error) } };
  }
}

/** Why a command was rejected; undefined if it was accepted. */
const problemIn = (data: OneField<OutcomeFragment>): ProblemFragment | undefined => rootOf(data).errors[0];

/** Commands that hand out tokens take none. */
function declaresKey({ definitions }: TypedDocumentNode<unknown, never>): boolean {
  const declared = definitions.flatMap((definition) => ('variableDefinitions' in definition ? (definition.variableDefinitions ?? []) : []));
  return declared.some(({ variable }) => variable.name.value === 'key');
}
