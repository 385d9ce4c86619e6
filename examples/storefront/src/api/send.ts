import type { TypedDocumentNode } from '@apollo/client';
import { print } from 'graphql';

/** Where the API is, beside the page. */
export const GRAPHQL = '/graphql';

/** What millrace tells about each of its answers. */
export interface Told {
  token: string | null;
  position: string | null;
  lagMs: number | null;
}

export interface Sent<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: Record<string, unknown> }[];
  extensions?: { millrace?: Told };
}

/** Sends one operation past Apollo: for the session, which Apollo's links ask, and for the page that shows what is on the wire. */
export async function send<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  headers: Record<string, string> = {},
): Promise<Sent<Data>> {
  const response = await fetch(GRAPHQL, {
    method: 'POST',
    headers: { accept: 'application/graphql-response+json', 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: print(document), variables }),
  });
  return (await response.json()) as Sent<Data>;
}
