// Others who use the shop meanwhile: they speak to the API, as their own clients would.
import assert from 'node:assert/strict';

const STAFF = { email: 'staff@millrace.example', password: 'millrace-staff' };
const DEMO = { email: 'demo@millrace.example', password: 'millrace-demo' };

const SIGN_IN = 'mutation($input: SignInInput!) { done: signIn(input: $input) { session { accessToken } user { id } errors { message } } }';

/** Somebody who is signed in. */
class Person {
  constructor(url, token, id) {
    Object.assign(this, { url, token, id });
  }

  async ask(query, variables = {}) {
    const headers = { 'content-type': 'application/json', ...(this.token && { authorization: `Bearer ${this.token}` }) };
    const response = await fetch(this.url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }

  /** Sends a mutation; it must be accepted. `fields` are those of its payload. */
  async command(name, input, fields = '') {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const { done } = await this.ask(`mutation($input: ${type}!) { done: ${name}(input: $input) { receipt { aggregateId } errors { message } ${fields} } }`, { input });
    assert.deepEqual(done.errors, [], name);
    return done;
  }
}

async function signIn(url, account) {
  const { done } = await new Person(url).ask(SIGN_IN, { input: account });
  assert.ok(done.session, JSON.stringify(done.errors));
  return new Person(url, done.session.accessToken, done.user.id);
}

export const staffOf = (url) => signIn(url, STAFF);
/** The customer whom the page signs in, at home on another device. */
export const demoOf = (url) => signIn(url, DEMO);
