// Asks a running millrace beside the page, as somebody else would.
import assert from 'node:assert/strict';

const SIGN_IN = 'mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } errors { message } } }';
const DEMO = { email: 'demo@millrace.example', password: 'millrace-demo' };

/** The data of an answer without errors. */
export async function ask(url, authorization, query, variables) {
  const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** Signs the demo user in; answers the authorization. */
export async function signInAsDemo(url) {
  const { signIn } = await ask(url, null, SIGN_IN, { input: DEMO });
  assert.deepEqual(signIn.errors, []);
  return `Bearer ${signIn.session.accessToken}`;
}
