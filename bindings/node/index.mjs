import hawser from './index.js';

export default hawser;
export const {
  EVENT_OPEN, EVENT_MESSAGE, EVENT_DRAIN, EVENT_CLOSE, EVENT_REQUEST, EVENT_PONG,
  TEXT, BINARY, UNCOMPRESSED, FIRST, FINAL, BY_PEER, CLEAN, COMPRESSED, UPGRADE,
  OPTION_INT, OPTION_FLAG, OPTION_TEXT,
  WebSocket, connect, WebSocketServer, serve, configure,
  Manager, Remote, Options, HawserError, errors,
  version, errorName, errorText, describeOptions, describeStats,
} = hawser;
