// One person, signed in: tokens that are replaced when they end, by everybody who needs them, once.
const SIGN_UP = `mutation ($input: SignUpInput!) { signUp(input: $input) { session { accessToken refreshToken expiresAt } errors { code } } }`;
const REFRESH = `mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken expiresAt } errors { code } } }`;

/** Sends an operation by plain HTTP. */
export async function send(url, query, variables, authorization) {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...(authorization && { authorization }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return { status: response.status, ...(await response.json()) };
}

export class Session {
  refreshes = 0;
  #url;
  #tokens;
  #pending = null;

  constructor(url, tokens) {
    this.#url = url;
    this.#tokens = tokens;
  }

  static async begin(url, name) {
    const email = `${name}-${crypto.randomUUID()}@millrace.example`;
    const input = { firstName: name, lastName: 'Test', email, password: 'correct horse battery' };
    const { data } = await send(url, SIGN_UP, { input });
    return new Session(url, data.signUp.session);
  }

  /** True once the client itself can tell that the token has ended. */
  get isOver() {
    return Date.now() >= Date.parse(this.#tokens.expiresAt);
  }

  /** As it is, good or not. */
  get header() {
    return `Bearer ${this.#tokens.accessToken}`;
  }

  /** The header's value, with a token that is good. */
  async authorization() {
    if (this.isOver) await this.renew();
    return this.header;
  }

  /** Calls at the same time share one request. */
  renew() {
    this.#pending ??= this.#refresh().finally(() => (this.#pending = null));
    return this.#pending;
  }

  async #refresh() {
    const { data } = await send(this.#url, REFRESH, { input: { refreshToken: this.#tokens.refreshToken } });
    this.#tokens = data.refreshSession.session;
    this.refreshes++;
  }
}
