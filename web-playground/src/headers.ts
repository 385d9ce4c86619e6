const AUTHORIZATION = 'authorization';

/** Headers as they go to the server: the Headers editor may hold numbers or booleans. */
export function toHeaders(typed: Record<string, unknown> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(typed ?? {}).map(([name, value]) => [name, String(value)]));
}

/** The name under which the headers hold the authorization, in the writer's own letter case. */
export function authorizationName(headers: Record<string, unknown>): string | undefined {
  return Object.keys(headers).find((name) => name.toLowerCase() === AUTHORIZATION);
}

/**
 * The Headers editor's text with this authorization; null takes it out. An authorization that someone typed stays: only a
 * missing one is added and one that the playground gave (`isOurs`) replaced. A text that is no JSON object stays as it is.
 */
export function withAuthorization(text: string, authorization: string | null, isOurs: (value: string) => boolean): string {
  const headers = parseObject(text);
  if (!headers) return text;
  const name = authorizationName(headers);
  if (name !== undefined && !isOurs(String(headers[name]))) return text;
  if (name !== undefined && headers[name] === authorization) return text;
  if (name === undefined && authorization === null) return text;
  if (name !== undefined) delete headers[name];
  if (authorization !== null) headers.Authorization = authorization;
  return Object.keys(headers).length === 0 ? '' : JSON.stringify(headers, null, 2);
}

function parseObject(text: string): Record<string, unknown> | null {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
