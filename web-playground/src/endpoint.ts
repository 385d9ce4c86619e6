/** What a GraphQL client sends. */
export interface Operation {
  query: string;
  operationName?: string | null;
  variables?: Record<string, unknown> | null;
}

/** What a GraphQL server answers. */
export interface Answer {
  data?: unknown;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
  extensions?: Record<string, unknown>;
}

/** Sends one operation that is not a subscription. */
export type Send = (operation: Operation, headers: Record<string, string>) => Promise<Answer>;

/** The addresses of the API, seen from the page's own address. */
export function endpointsOf(pageUrl: string): { http: string; socket: string } {
  const http = new URL('graphql', pageUrl);
  const socket = new URL(http);
  socket.protocol = http.protocol === 'https:' ? 'wss:' : 'ws:';
  return { http: http.href, socket: socket.href };
}

/** Sends by plain POST, as GraphQL over HTTP describes it. */
export function sendTo(url: string): Send {
  return async (operation, headers) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        accept: 'application/graphql-response+json, application/json',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(operation),
    });
    return readAnswer(response);
  };
}

async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  try {
    return JSON.parse(text) as Answer;
  } catch (cause) {
    throw new Error(`The server answered ${response.status} ${response.statusText}, which is not JSON`, { cause });
  }
}

/** The first thing that went wrong in an answer, in words for people. */
export function firstError(answer: Answer): string | null {
  return answer.errors?.[0]?.message ?? null;
}
