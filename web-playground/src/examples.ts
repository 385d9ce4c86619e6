import { parseExample, type Example } from './example-file.ts';

const files = import.meta.glob<string>('../../examples/*.graphql', { query: '?raw', import: 'default', eager: true });

/** All examples, in the order of their files. They are part of the bundle. */
export const EXAMPLES: readonly Example[] = Object.entries(files)
  .sort(([left], [right]) => left.localeCompare(right))
  .map(([path, text]) => parseExample(path, text));

/** The examples that are open as tabs on the first visit. GraphiQL shows no variables in the very first tab, so that one has none. */
export const FIRST_TABS: readonly Example[] = ['newest-posts', 'post-with-comments', 'create-post', 'watch-post'].map(exampleNamed);

/** The example of this name, which must exist. */
export function exampleNamed(name: string): Example {
  const example = EXAMPLES.find((candidate) => candidate.name === name);
  if (!example) throw new Error(`examples/ has no file named ${name}`);
  return example;
}

/** The live example with this operation, if it is one, and if something makes it move. */
export function triggerOf(operationName: string | null | undefined): Example | null {
  const live = EXAMPLES.find((example) => example.operationName === operationName);
  return live?.trigger ? exampleNamed(live.trigger) : null;
}
