// Keys of commands, and what is left in storage.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { buildSchema, getNamedType, parse } from 'graphql';
import { IdempotencyKey } from '../.unit/api/idempotency-key.js';
import { stored } from '../.unit/api/stored.js';

test('a command that is sent again has the key that it had, until it was accepted or its input is another', () => {
  const keys = new IdempotencyKey();
  const first = keys.of({ amount: 5 });
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.equal(keys.of({ amount: 5 }), first, 'the answer was lost');
  const other = keys.of({ amount: 6 });
  assert.notEqual(other, first);
  keys.accepted(other);
  const again = keys.of({ amount: 6 });
  assert.notEqual(again, other, 'the same again is another wish');
  keys.accepted(other);
  assert.equal(keys.of({ amount: 6 }), again, 'a late answer to the one before takes nothing from it');
});

const ROOT = new URL('../../', import.meta.url);

async function texts(folder, ending) {
  const names = (await readdir(new URL(folder, ROOT), { recursive: true })).filter((name) => name.endsWith(ending));
  return Promise.all(names.map((name) => readFile(new URL(`${folder}/${name}`, ROOT), 'utf8')));
}

/** The operations that pages hand to `useCommand`. */
async function commands() {
  const sources = (await texts('src', '.tsx')).join('\n');
  const names = new Set(Array.from(sources.matchAll(/useCommand\((\w+)Document\b/g), ([, name]) => name));
  const { definitions } = parse((await texts('src/operations', '.graphql')).join('\n'));
  return definitions.filter(({ kind, name }) => kind === 'OperationDefinition' && names.has(name.value));
}

test('whatever can be sent twice brings a key', async () => {
  const fields = buildSchema(await readFile(new URL('../../schema.graphql', ROOT), 'utf8')).getMutationType().getFields();
  const takesKey = ({ name }) => 'idempotencyKey' in getNamedType(fields[name.value].args[0].type).getFields();
  let keyed = 0;
  for (const { name, variableDefinitions, selectionSet } of await commands()) {
    const [field] = selectionSet.selections;
    const declares = variableDefinitions.some(({ variable }) => variable.name.value === 'key');
    assert.equal(declares, takesKey(field), name.value);
    if (!declares) continue;
    const given = field.arguments[0].value.fields.find(({ name: { value } }) => value === 'idempotencyKey');
    assert.equal(given?.value.name?.value, 'key', name.value);
    keyed++;
  }
  assert.ok(keyed >= 7, `${keyed} have one`);
});

test('what cannot be read in storage is as good as nothing, and goes', () => {
  const kept = new Map([['broken', '{"accessToken":'], ['whole', '{"accessToken":"a"}']]);
  const storage = { getItem: (name) => kept.get(name) ?? null, removeItem: (name) => kept.delete(name) };
  assert.deepEqual(stored(storage, 'whole'), { accessToken: 'a' });
  assert.equal(stored(storage, 'none'), null);
  assert.equal(stored(storage, 'broken'), null);
  assert.deepEqual([...kept.keys()], ['whole']);
});
