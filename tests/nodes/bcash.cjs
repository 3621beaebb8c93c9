// Runs the bcash whose folder is named by BCASH_HOME, without any compiled add-on.
'use strict';

const Module = require('node:module');
const path = require('node:path');

const home = process.env.BCASH_HOME;
const find = Module.createRequire(path.join(home, 'package.json')).resolve;

// The chain is kept in memory (--memory), so the binding to LevelDB, which npm would have to
// compile, is loaded by nobody but the module that wraps it.
const wrapper = find('bdb/lib/level.js');
const unused = new Module(wrapper);
unused.exports = class Level {};
unused.loaded = true;
require.cache[wrapper] = unused;

require(path.join(home, 'bin', 'node'));
