// The package as a whole: how it is loaded, and what its declarations promise.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as hawser from 'hawser';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

test('import and require give the same', () => {
  const required = require('hawser');
  assert.equal(hawser.default, required);
  for (const name of Object.keys(required)) assert.equal(hawser[name], required[name], name);
  assert.match(hawser.version(), /^\d+\.\d+\.\d+$/);
  assert.equal(require('hawser/package.json').version, hawser.version());
});

test('the declarations have every export and every option', () => {
  const declarations = readFileSync(path.join(root, 'index.d.ts'), 'utf8');
  for (const name of Object.keys(require('hawser'))) {
    assert.match(declarations, new RegExp(`export (class|const|function) ${name}\\b`), name);
  }
  const kinds = { [hawser.OPTION_INT]: 'number \\| bigint', [hawser.OPTION_FLAG]: 'boolean', [hawser.OPTION_TEXT]: "(string|')" };
  for (const { name, kind } of hawser.describeOptions()) {
    assert.match(declarations, new RegExp(`^  ${name}: ${kinds[kind]}`, 'm'), name);
  }
  for (const one of [hawser.Manager, hawser.Remote, hawser.Options]) {
    for (const name of Object.getOwnPropertyNames(one.prototype)) {
      assert.match(declarations, new RegExp(`\\b${name}[(;:]`), `${one.name}.${name}`);
    }
  }
});

test('where there is no addon for the platform, or none that loads, it says so', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'hawser-'));
  try {
    for (const part of ['package.json', 'index.js', 'lib']) cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
    const platform = `${process.platform}-${process.arch}`;
    assert.throws(() => require(folder), new RegExp(`no addon for ${platform}`));
    mkdirSync(path.join(folder, 'prebuilds', platform), { recursive: true });
    writeFileSync(path.join(folder, 'prebuilds', platform, 'hawser.node'), 'no library');
    assert.throws(() => require(folder), new RegExp(`the addon for ${platform} cannot be loaded`));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
