// One person, signed in: tokens that are replaced when they end, by everybody who needs them, once.
const SIGN_UP = `mutation ($input: SignUpInput!) { signUp(input: $input) { receipt { aggregateId } session { accessToken refreshToken expiresAt } errors { code } } }`;
const REFRESH = `mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken expiresAt } errors { code } } }`;

/** Sends an operation by plain HTTP. */
export async function send(url, query, variables, authorization) {
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json', ...(authorization && { authorization }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  return { status: response.status, ...(await response.json()) };
}

export class Session {
  refreshes = 0;
  /** How often a socket was opened, and what the last one was opened with; by a client of no socket what it began with. */
  sockets = 0;
  letInBy;
  #url;
  #tokens;
  #pending = null;

  constructor(url, tokens) {
    this.#url = url;
    this.#tokens = tokens;
    this.letInBy = this.header;
  }

  static async begin(url, name) {
    const email = `${name}-${crypto.randomUUID()}@millrace.example`;
    const input = { firstName: name, lastName: 'Test', email, password: 'correct horse battery' };
    const { data } = await send(url, SIGN_UP, { input });
    return Object.assign(new Session(url, data.signUp.session), { userId: data.signUp.receipt.aggregateId });
  }

  /** True once the client itself can tell that the token has ended. */
  get isOver() {
    return Date.now() >= Date.parse(this.#tokens.expiresAt);
  }

  /** As it is, good or not. */
  get header() {
    return `Bearer ${this.#tokens.accessToken}`;
  }

  /**
   * The header's value, with a token that is good. While nobody answers it is the old one: graphql-ws and graphql-sse try again when a
   * connection fails, but give up for good when this does.
   */
  async authorization() {
    if (this.isOver) await this.renew().catch(() => {});
    return this.header;
  }

  /** For graphql-ws: each time that a socket is opened it asks for a token that is good. */
  connectionParams = async () => {
    const Authorization = await this.authorization();
    this.sockets++;
    this.letInBy = Authorization;
    return { Authorization };
  };

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
