'use strict';

const addon = require('./lib/addon.js');

module.exports = {
  ...require('./lib/constants.js'),
  ...require('./lib/manager.js'),
  ...require('./lib/options.js'),
  WebSocket: require('./lib/websocket.js').WebSocket,
  connect: require('./lib/websocket.js').connect,
  ...require('./lib/server.js'),
  configure: require('./lib/loop.js').configure,
  HawserError: require('./lib/errors.js').HawserError,
  errors: require('./lib/errors.js').errors,
  version: addon.version,
  errorName: addon.errorName,
  errorText: addon.errorText,
  describeOptions: addon.describeOptions,
  describeStats: addon.describeStats,
};
