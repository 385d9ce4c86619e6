import type { Operation } from './endpoint.ts';
import { exampleNamed } from './examples.ts';

/** What the button "Sign in as demo user" sends: the example of that. */
export function signInOperation(): Operation {
  const { query, operationName, variables } = exampleNamed('sign-in');
  return { query, operationName, variables };
}
