// The package as others get it: packed, put into a project that has it from its file, and used there as the README says.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const COMPILER = join(HERE, 'node_modules/typescript/bin/tsc');
/** What the README leaves to the application. */
const APPLICATION = `
declare const id: string;
declare const connectionParams: () => Promise<Record<string, string>>;
declare const possibleTypes: Record<string, string[]>;
declare const socket: import('graphql-ws').Client;
declare const next: (result: import('@millrace/client').LiveResult) => void;
declare const error: (problem: unknown) => void;
declare const complete: () => void;
`;
/** Libraries have errors of their own in their types; ours would show as uses that are not checked. */
const OPTIONS = { target: 'ES2023', module: 'NodeNext', lib: ['ES2023', 'DOM'], types: [], strict: true, noEmit: true, skipLibCheck: true };
const WRONG = `import { newest } from '@millrace/client';
import { consistencyLink } from '@millrace/client/apollo';
import { forwardWithResume } from '@millrace/client/urql';
newest('a', 5);
consistencyLink('a');
forwardWithResume(5);
`;

let project;
before(async () => (project = await installed()));
after(() => rm(project, { recursive: true }));

/** A project with the packed package, and with the libraries that it is for. */
async function installed() {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-client-'));
  const packed = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd: HERE, encoding: 'utf8' });
  const target = join(folder, 'node_modules/@millrace/client');
  await mkdir(target, { recursive: true });
  execFileSync('tar', ['--extract', '--gzip', '--strip-components=1', '--file', join(folder, packed.trim()), '--directory', target]);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const name of await readdir(join(HERE, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(HERE, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return folder;
}

test('the README compiles against the types of the package', async () => {
  const readme = await readFile(join(HERE, 'README.md'), 'utf8');
  const blocks = Array.from(readme.matchAll(/^```ts\n(.*?)^```$/gms), ([, text]) => text);
  assert.ok(blocks.length >= 3, `${blocks.length} blocks`);
  for (const [number, text] of blocks.entries()) await writeFile(join(project, `block-${number}.ts`), `${text}\nexport {};\n`);
  await writeFile(join(project, 'application.d.ts'), APPLICATION);
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['*.ts'] }));
  assert.equal(problems(), '');
  await writeFile(join(project, 'wrong.ts'), WRONG);
  assert.deepEqual(problems().match(/^wrong\.ts\(\d+/gm), ['wrong.ts(4', 'wrong.ts(5', 'wrong.ts(6'], 'each wrong use is seen, so there are types');
});

/** What the compiler says. */
function problems() {
  return spawnSync(process.execPath, [COMPILER, '--project', project], { cwd: project, encoding: 'utf8' }).stdout;
}

test('each part is there by its name, the first without any library', async () => {
  const names = (part) => `console.log(Object.keys(await import('@millrace/client${part}')).sort().join(' '))`;
  const exported = (part) => execFileSync(process.execPath, ['--input-type=module', '--eval', names(part)], { cwd: project, encoding: 'utf8' }).trim();
  assert.equal(exported('/apollo'), 'RevisionCache consistencyLink liveLink');
  assert.equal(exported('/urql'), 'consistencyExchange forwardWithResume');
  for (const name of ['@apollo', '@urql', 'graphql', 'graphql-ws', 'rxjs']) await rm(join(project, 'node_modules', name));
  assert.match(exported(''), /ConsistencyTokens PERSISTENT .*subscribeWithResume/);
});

test('the libraries are asked for only where they are used, and in the versions that are tested', async () => {
  const { peerDependencies, peerDependenciesMeta, devDependencies } = JSON.parse(await readFile(join(HERE, 'package.json'), 'utf8'));
  const sources = await Promise.all((await readdir(join(HERE, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts')).map((name) => readFile(join(HERE, 'src', name), 'utf8')));
  const imported = sources.flatMap((text) => Array.from(text.matchAll(/from '((?:@[^'/]+\/)?[^'./][^'/]*)/g), ([, name]) => name));
  assert.deepEqual(Object.keys(peerDependencies).sort(), [...new Set(imported)].sort());
  for (const [name, range] of Object.entries(peerDependencies)) {
    assert.equal(peerDependenciesMeta[name]?.optional, true, name);
    assert.equal(range.match(/^\^(\d+)\./)?.[1], devDependencies[name].split('.')[0], name);
  }
});
