// Reads and works GraphiQL's editors from outside.
import assert from 'node:assert/strict';

/** The longest wait for anything the page or the server does. */
export const WAIT_MS = 20_000;

/** The text of one of GraphiQL's four editors. */
export const textOf = (page, editor) =>
  page.evaluate((name) => globalThis.__MONACO?.editor.getModels().find((model) => model.uri.path.endsWith(name))?.getValue() ?? '', editor);
/** What the language workers say about the texts. */
export const markersOf = (page) => page.evaluate(() => globalThis.__MONACO.editor.getModelMarkers({}).map((marker) => marker.message));

/** Waits until `read()` gives something that passes `isThere`; the last value is in the error otherwise. */
export async function until(what, read, isThere) {
  const end = Date.now() + WAIT_MS;
  let value;
  while (Date.now() < end) {
    value = await read();
    if (isThere(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`${what} did not come in ${WAIT_MS} ms; last: ${JSON.stringify(value)}`);
}

/** Waits for an answer in the response pane. */
export async function answer(page, what, isThere) {
  const read = async () => JSON.parse((await textOf(page, 'response.json')) || 'null');
  return until(what, read, (value) => value !== null && isThere(value));
}

/** Goes to the tab of this operation. */
export async function openTab(page, name) {
  await page.locator(`[id^="graphiql-session-tab-"][title="${name}"]`).click();
  await until(`the text of ${name}`, () => textOf(page, 'operation.graphql'), (text) => text.includes(name));
}

/** Replaces the operation, as by a paste: typed letter by letter, the editor would add brackets of its own. */
export async function typeOperation(page, text) {
  await page.locator('.graphiql-query-editor .monaco-editor').click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(text);
}

/** Runs the operation; for a running subscription the same button stops it. */
export const run = (page) => page.locator('.graphiql-execute-button').click();
