'use strict';
// Loads the addon that was built for this platform.

const { existsSync } = require('node:fs');
const path = require('node:path');

const platform = `${process.platform}-${process.arch}`;
const file = path.join(__dirname, '..', 'prebuilds', platform, 'hawser.node');

function load() {
  if (!existsSync(file)) {
    throw new Error(`hawser: this package has no addon for ${platform} (${file} is not there)`);
  }
  try {
    return require(file);
  } catch (cause) {
    throw new Error(`hawser: the addon for ${platform} cannot be loaded on this system: ${cause.message}`, { cause });
  }
}

module.exports = load();
