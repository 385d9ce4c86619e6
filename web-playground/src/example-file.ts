/** One file of `examples/`: a GraphQL document with one operation, under a block of comments. */
export interface Example {
  /** The file's name without its order number and ending. */
  name: string;
  title: string;
  description: string;
  /** The document, under the description as one line of comment, which the editor breaks where it needs to. */
  query: string;
  /** JSON; may hold placeholders such as `{{newestPost}}`. */
  variables: Record<string, unknown>;
  kind: 'query' | 'mutation' | 'subscription';
  operationName: string;
  /** Who has to be signed in: the demo user, or the shop's staff. */
  needs: 'sign-in' | 'staff' | null;
  /** The name of the example, a mutation, that makes this live one move. */
  trigger: string | null;
}

const OPERATION = /^(query|mutation|subscription)\s+(\w+)/m;

/**
 * Reads an example. Its first comment line is the title, `# variables:`, `# needs: sign-in` (or `staff`) and `# trigger:` say how to run it,
 * the other comment lines describe it.
 */
export function parseExample(path: string, text: string): Example {
  const name = /([^/]+)\.graphql$/.exec(path)?.[1]?.replace(/^\d+-/, '');
  if (!name) throw new Error(`${path}: the name of an example ends in .graphql`);
  const operation = OPERATION.exec(text);
  if (!operation?.[1] || !operation[2]) throw new Error(`${path}: an example holds one named operation`);
  const { comments, document } = splitComments(text);
  const [title, ...rest] = comments.filter((line) => !DIRECTIVE.test(line));
  if (!title) throw new Error(`${path}: an example begins with its title as a comment`);
  return {
    name,
    title,
    description: rest.join(' '),
    query: (rest.length > 0 ? `# ${rest.join(' ')}\n` : '') + document,
    variables: parseVariables(path, directive(comments, 'variables')),
    kind: operation[1] as Example['kind'],
    operationName: operation[2],
    needs: needs(path, directive(comments, 'needs')),
    trigger: directive(comments, 'trigger'),
  };
}

const DIRECTIVE = /^(variables|needs|trigger):\s*(.*)$/;

function directive(comments: string[], key: string): string | null {
  for (const line of comments) {
    const found = DIRECTIVE.exec(line);
    if (found?.[1] === key) return found[2] ?? null;
  }
  return null;
}

function needs(path: string, who: string | null): Example['needs'] {
  if (who === null || who === 'sign-in' || who === 'staff') return who;
  throw new Error(`${path}: the line "# needs:" says neither sign-in nor staff`);
}

function splitComments(text: string): { comments: string[]; document: string } {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('#'));
  const comments = lines.slice(0, end).map((line) => line.slice(1).trim()).filter(Boolean);
  return { comments, document: lines.slice(end).join('\n').trim() + '\n' };
}

function parseVariables(path: string, json: string | null): Record<string, unknown> {
  if (json === null) return {};
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch (cause) {
    throw new Error(`${path}: the line "# variables:" is not JSON`, { cause });
  }
}

/** The text for the Variables editor: nothing at all for an example without variables. */
export function variablesText(example: Example): string {
  return Object.keys(example.variables).length === 0 ? '' : JSON.stringify(example.variables, null, 2);
}
