'use strict';

/** As hawser.h has them, without HWS_. */
module.exports = Object.freeze({
  EVENT_OPEN: 1,
  EVENT_MESSAGE: 2,
  EVENT_DRAIN: 3,
  EVENT_CLOSE: 4,
  EVENT_REQUEST: 5,
  EVENT_PONG: 6,
  TEXT: 1,
  BINARY: 2,
  UNCOMPRESSED: 256,
  FIRST: 1,
  FINAL: 2,
  BY_PEER: 4,
  CLEAN: 8,
  COMPRESSED: 16,
  UPGRADE: 32,
  OPTION_INT: 1,
  OPTION_FLAG: 2,
  OPTION_TEXT: 3,
});
