// Types for the operations in src/operations/ from the project's schema, by graphql-codegen's client preset. Without its command
// line: that brings 250 packages more, and needs a newer Node than Debian has.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { codegen } from '@graphql-codegen/core';
import { preset } from '@graphql-codegen/client-preset';
import { buildASTSchema, isAbstractType, parse } from 'graphql';

const SCHEMA = new URL('../../schema.graphql', import.meta.url);
const OPERATIONS = new URL('src/operations/', import.meta.url);
const OUTPUT = new URL('src/gql/', import.meta.url);

const config = {
  useTypeImports: true,
  strictScalars: true,
  // Apollo asks for it, and unions are told apart by it.
  nonOptionalTypename: true,
  skipTypeNameForRoot: true,
  scalars: { BigInt: 'string', Currency: 'string', Date: 'string', Timestamp: 'string' },
};

async function operations() {
  const names = (await readdir(OPERATIONS)).filter((name) => name.endsWith('.graphql')).sort();
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, OPERATIONS), 'utf8')));
  return texts.map((rawSDL, number) => ({ location: names[number], rawSDL, document: parse(rawSDL) }));
}

async function types(schema, schemaAst) {
  const documents = await operations();
  const presetConfig = { fragmentMasking: false };
  const options = { baseOutputDir: 'gql/', schema, schemaAst, documents, config, presetConfig, plugins: [], pluginMap: {} };
  const sections = await preset.buildGeneratesSection(options);
  // The other files are for operations that stand in the code, between backquotes.
  return codegen({ ...sections.find(({ filename }) => filename === 'gql/graphql.ts'), schemaAst });
}

/** The members of each interface and union, for Apollo's cache. */
function possibleTypes(schemaAst) {
  const abstract = Object.values(schemaAst.getTypeMap()).filter((type) => isAbstractType(type) && !type.name.startsWith('__'));
  const members = abstract.map((type) => [type.name, schemaAst.getPossibleTypes(type).map(({ name }) => name)]);
  return `export const possibleTypes = ${JSON.stringify(Object.fromEntries(members), null, 2)};\n`;
}

const schema = parse(await readFile(SCHEMA, 'utf8'));
const schemaAst = buildASTSchema(schema);
await mkdir(OUTPUT, { recursive: true });
await writeFile(new URL('graphql.ts', OUTPUT), await types(schema, schemaAst));
await writeFile(new URL('possible-types.ts', OUTPUT), possibleTypes(schemaAst));
