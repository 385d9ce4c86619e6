// What the pages ask is in the schema.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { buildSchema, parse, validate } from 'graphql';
import * as operations from '../.unit/web-playground/src/pipeline/operations.js';

const ROOT = new URL('../../../', import.meta.url);
const schema = buildSchema(await readFile(new URL('schema.graphql', ROOT), 'utf8'));
const refusals = (text) => validate(schema, parse(text)).map(({ message }) => message);

for (const [name, text] of Object.entries(operations)) {
  test(`the pipeline page's ${name} is valid`, () => assert.deepEqual(refusals(text), []));
}

for (const file of (await readdir(new URL('examples/', ROOT))).filter((name) => name.endsWith('.graphql'))) {
  test(`the example ${file} is valid`, async () => {
    assert.deepEqual(refusals(await readFile(new URL(`examples/${file}`, ROOT), 'utf8')), []);
  });
}
