import { firstError, type Operation, type Send } from './endpoint.ts';

/** Placeholders in operations and their variables. One small query answers all of them. */
const NEWEST_POST = '{{newestPost}}';
const NEWEST_AUTHOR = '{{newestAuthor}}';

const QUERY = 'query NewestPost { posts(first: 1) { nodes { id author { id } } } }';

interface NewestPostData {
  posts?: { nodes?: { id: string; author: { id: string } }[] } | null;
}

export function hasPlaceholder(text: string): boolean {
  return text.includes(NEWEST_POST) || text.includes(NEWEST_AUTHOR);
}

/** The text with the ids of the newest post and its author. Where there is no post yet, it stays as it is. */
export async function fillPlaceholders(text: string, send: Send): Promise<string> {
  if (!hasPlaceholder(text)) return text;
  const answer = await send({ query: QUERY }, {});
  const post = (answer.data as NewestPostData | null | undefined)?.posts?.nodes?.[0];
  if (!post) throw new Error(firstError(answer) ?? 'There is no post yet');
  return text.replaceAll(NEWEST_POST, post.id).replaceAll(NEWEST_AUTHOR, post.author.id);
}

/** The operation with ids where a text that was pasted has placeholders; as it is if there are none, for the server to tell. */
export async function withIds<T extends Pick<Operation, 'query' | 'variables'>>(operation: T, send: Send): Promise<T> {
  const text = JSON.stringify({ query: operation.query, variables: operation.variables });
  if (!hasPlaceholder(text)) return operation;
  try {
    return { ...operation, ...(JSON.parse(await fillPlaceholders(text, send)) as Pick<T, 'query' | 'variables'>) };
  } catch {
    return operation;
  }
}
