// Reads and works GraphiQL's editors from outside.
import assert from 'node:assert/strict';
import { until, WAIT_MS } from './steps.mjs';

/** The text of one of GraphiQL's four editors. */
export const textOf = (page, editor) =>
  page.evaluate((name) => globalThis.__MONACO?.editor.getModels().find((model) => model.uri.path.endsWith(name))?.getValue() ?? '', editor);
/** What the language workers say about the texts. */
export const markersOf = (page) => page.evaluate(() => globalThis.__MONACO.editor.getModelMarkers({}).map((marker) => marker.message));

/** What a running subscription shows now: its line, with state, events and resumes, and the answer over it. Without one the line is null. */
export async function live(page) {
  const line = await page.locator('.millrace-live').evaluateAll(([found]) => (found ? { ...found.dataset, text: found.innerText } : null));
  return { line, response: await textOf(page, 'response.json') };
}

/** Presses the button that makes a live example move. */
export async function pressTrigger(page) {
  const button = page.locator('.millrace-trigger');
  await until('the button under the live answer', async () => ({ buttons: await button.count(), ...(await live(page)) }), ({ buttons }) => buttons === 1);
  await button.click();
}

/** Waits for an answer in the response pane. */
export async function answer(page, what, isThere) {
  const read = async () => JSON.parse((await textOf(page, 'response.json')) || 'null');
  return until(what, read, (value) => value !== null && isThere(value));
}

/** Waits for the data of an answer without errors, and for `isThere` to like it. */
export async function data(page, what, isThere) {
  const value = await answer(page, what, (candidate) => candidate.errors || (candidate.data && isThere(candidate.data)));
  assert.equal(value.errors, undefined, `${what}: ${JSON.stringify(value.errors)}`);
  return value.data;
}

/** Waits until GraphiQL stands with its editors. */
export const editorsStand = (page) => page.waitForSelector('.graphiql-query-editor .view-line', { timeout: WAIT_MS });

/** Goes to the tab of this operation. */
export async function openTab(page, name) {
  await page.locator(`[id^="graphiql-session-tab-"][title="${name}"]`).click();
  await until(`the text of ${name}`, () => textOf(page, 'operation.graphql'), (text) => text.includes(name));
}

/** The open tab is to be seen in its row, whole. */
export async function tabIsInSight(page) {
  const read = () =>
    page.evaluate(() => {
      const [row, tab] = ['.graphiql-tabs', '.graphiql-tab-active'].map((name) => document.querySelector(name).getBoundingClientRect());
      return { row: [row.left, row.right], tab: [tab.left, tab.right] };
    });
  await until('the open tab in sight', read, ({ row, tab }) => tab[0] >= row[0] - 1 && tab[1] <= row[1] + 1);
}

/** Opens an example from its pane, in a tab of its own. */
export async function openExample(page, name, operationName) {
  await page.locator(`[data-example="${name}"]`).click();
  await until(`the example ${name}`, () => textOf(page, 'operation.graphql'), (text) => text.includes(operationName));
  await idsAreIn(page);
}

/** Waits until no placeholder is left in the variables. */
export const idsAreIn = (page) => until('the ids', () => textOf(page, 'variables.json'), (text) => !text.includes('{{'));

/** Waits until the token is in the Headers editor; answers it. */
export async function tokenIsIn(page) {
  const headers = await until('the token', () => textOf(page, 'request-headers.json'), (text) => /"Authorization": "Bearer \S+"/.test(text));
  return JSON.parse(headers).Authorization;
}

/** Presses the demo user's button. */
export const signIn = async (page) => {
  await page.getByRole('button', { name: 'Sign in as demo user', exact: true }).click();
  return tokenIsIn(page);
};

/** Replaces the operation, as by a paste: typed letter by letter, the editor would add brackets of its own. */
export async function typeOperation(page, text) {
  await page.locator('.graphiql-query-editor .monaco-editor').click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

/** Waits until the tab holds this text, as its storage shows: GraphiQL takes it over a moment after it was typed, and its history has the tab's. */
export const tabHolds = (page, text) =>
  until('the text in its tab', () => page.evaluate(() => Object.values(localStorage)), (values) => values.some((value) => value.includes(text)));

/** Runs the operation; for a running subscription the same button stops it. */
export const run = (page) => page.locator('.graphiql-execute-button').click();

/** Stops a running subscription. */
export async function stop(page) {
  await run(page);
  await until('the end of the subscription', () => live(page), ({ line }) => line === null);
}

/** Chooses how the next subscription comes: `websocket` or `sse`. */
export const chooseTransport = (page, transport) => page.getByLabel('Live by').selectOption(transport);

/** Whether a request asks for server-sent events. */
export const isStream = (request) => request.headers().accept?.includes('text/event-stream');
