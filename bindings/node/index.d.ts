/** WebSocket client and server on libhawser: docs/languages/node.md is the guide, hawser.h the reference of the raw layer. */
import { EventEmitter } from 'node:events';

// ---- options: docs/reference/options.md says what each does

interface Numbers {
  max_message_size: number | bigint;
  max_fragments: number | bigint;
  max_head_size: number | bigint;
  max_headers: number | bigint;
  deflate_level: number | bigint;
  deflate_memory_level: number | bigint;
  deflate_server_max_window_bits: number | bigint;
  deflate_client_max_window_bits: number | bigint;
  deflate_min_size: number | bigint;
  handshake_timeout: number | bigint;
  close_timeout: number | bigint;
  ping_interval: number | bigint;
  ping_timeout: number | bigint;
  idle_timeout: number | bigint;
  write_stall_timeout: number | bigint;
  max_send_queue: number | bigint;
  pause_above: number | bigint;
  backlog: number | bigint;
  memory_budget: number | bigint;
  max_connections: number | bigint;
  max_handshakes: number | bigint;
  tls_handshakes_per_poll: number | bigint;
  accepts_per_poll: number | bigint;
  max_events: number | bigint;
  max_batch_bytes: number | bigint;
  receive_arena: number | bigint;
  send_arena: number | bigint;
}

interface Flags {
  parts: boolean;
  pongs: boolean;
  requests: boolean;
  keep_handshake: boolean;
  outer_flush: boolean;
  tls_verify: boolean;
  tls_kernel: boolean;
  deflate_server_no_context_takeover: boolean;
  deflate_client_no_context_takeover: boolean;
  reuse_port: boolean;
  ipv6_only: boolean;
}

interface Texts {
  origins: string | string[];
  subprotocols: string | string[];
  origin: string;
  tls_ca_file: string;
  tls_ca_path: string;
  tls_ca: string;
  tls_certificate: string;
  tls_key: string;
  tls_client_auth: 'none' | 'optional' | 'required';
  tls_min_version: '1.2' | '1.3';
  tls_pinned_key: string;
  deflate: 'off' | 'shared' | 'dedicated';
  slow_reader: 'close' | 'skip';
  backend: 'auto' | 'epoll' | 'kqueue' | 'poll';
}

type Named = Numbers & Flags & Texts;
type CamelCase<Name extends string> =
  Name extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<CamelCase<Tail>>}` : Name;

export type Headers = Record<string, string | string[]> | Iterable<[string, string]>;

/** Options by name, as `max_message_size` or as `maxMessageSize`. */
export type OptionValues =
  Partial<Named> &
  { [Name in keyof Named as CamelCase<Name>]?: Named[Name] } &
  {
    headers?: Headers;
    /** Of a wss:// listener, for the clients that ask for `host` ('': all others): PEM texts, or names of files. */
    certificates?: { host: string; chain: string; key?: string }[];
  };

/** May be used again and again: connections that share one resume each other's TLS sessions. */
export class Options {
  constructor(values?: OptionValues);
  set(name: string, value: number | bigint | boolean | string | string[]): this;
  addHeader(name: string, value: string): this;
  addCertificate(host: string, chain: string, key?: string): this;
}

// ---- errors

/** `name` is that of the error, such as HWS_ERR_STALE, and `code` its number. */
export class HawserError extends Error {
  constructor(code: number, words?: string);
  code: number;
  /** Of a connection's error: errno, the HTTP status, or a reason of TLS. */
  system?: number;
}

/** The numbers of all errors, by name. */
export const errors: Readonly<Record<string, number>>;

// ---- the idiomatic layer

/** string, or bytes. */
export type Data = string | ArrayBuffer | NodeJS.ArrayBufferView;

export interface SendOptions {
  /** Default: whether `data` is not a string. */
  binary?: boolean;
  /** false: this message is not compressed, whatever was agreed on. */
  compress?: boolean;
}

export interface ConnectOptions {
  /** Bytes queued for the peer from which on `send` answers false; default 1 MiB. */
  highWaterMark?: number;
}

export interface OpenEvent { type: 'open'; target: WebSocket; currentTarget: WebSocket }
export interface MessageEvent {
  type: 'message'; target: WebSocket; currentTarget: WebSocket;
  data: string | Buffer | ArrayBuffer;
}
export interface ErrorEvent {
  type: 'error'; target: WebSocket; currentTarget: WebSocket;
  error: HawserError; message: string;
}
export interface CloseEvent {
  type: 'close'; target: WebSocket; currentTarget: WebSocket;
  code: number; reason: string; wasClean: boolean;
}
export interface WebSocketEventMap { open: OpenEvent; message: MessageEvent; error: ErrorEvent; close: CloseEvent }

/** The arguments of the listeners of `on`. */
export interface WebSocketEvents {
  open: [];
  /** A Buffer for text, too; an ArrayBuffer for binary with that `binaryType`. */
  message: [data: Buffer | ArrayBuffer, isBinary: boolean];
  close: [code: number, reason: string, wasClean: boolean];
  /** Emitted only if somebody listens; 'close' follows. */
  error: [error: HawserError];
  drain: [];
  pong: [data: Buffer];
}

export class WebSocket extends EventEmitter implements AsyncIterable<string | Buffer | ArrayBuffer> {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  constructor(
    url: string | URL, protocols?: string | string[] | null, options?: (OptionValues & ConnectOptions) | Options | null);
  constructor(url: string | URL, options: (OptionValues & ConnectOptions) | Options);

  readonly url: string;
  readonly readyState: 0 | 1 | 2 | 3;
  readonly protocol: string;
  readonly extensions: string;
  readonly bufferedAmount: number;
  readonly isPaused: boolean;
  readonly error: HawserError | null;
  binaryType: 'nodebuffer' | 'arraybuffer';

  onopen: ((event: OpenEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;

  /** Whether more may be sent at once; false: wait for 'drain'. HWS_ERR_WOULD_BLOCK: 16 MiB wait already. */
  send(data: Data, options?: SendOptions): boolean;
  /** Fulfilled when more may be sent; rejected when the connection is closed. */
  drained(): Promise<void>;
  ping(data?: Data): void;
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;

  on<Name extends keyof WebSocketEvents>(name: Name, listener: (...values: WebSocketEvents[Name]) => void): this;
  once<Name extends keyof WebSocketEvents>(name: Name, listener: (...values: WebSocketEvents[Name]) => void): this;
  off<Name extends keyof WebSocketEvents>(name: Name, listener: (...values: WebSocketEvents[Name]) => void): this;
  addListener<Name extends keyof WebSocketEvents>(name: Name, listener: (...values: WebSocketEvents[Name]) => void): this;
  removeListener<Name extends keyof WebSocketEvents>(name: Name, listener: (...values: WebSocketEvents[Name]) => void): this;

  addEventListener<Name extends keyof WebSocketEventMap>(
    name: Name,
    listener: ((event: WebSocketEventMap[Name]) => void) | { handleEvent(event: WebSocketEventMap[Name]): void },
    options?: { once?: boolean },
  ): void;
  removeEventListener<Name extends keyof WebSocketEventMap>(
    name: Name,
    listener: ((event: WebSocketEventMap[Name]) => void) | { handleEvent(event: WebSocketEventMap[Name]): void },
  ): void;

  [Symbol.asyncIterator](): AsyncIterableIterator<string | Buffer | ArrayBuffer>;
}

export function connect(
  url: string | URL,
  options?: (OptionValues & ConnectOptions & { signal?: AbortSignal }) | Options,
): Promise<WebSocket>;

/** What a client asked for. */
export interface Request {
  /** Path and query. */
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Record<string, string>;
  /** With the port. */
  readonly remoteAddress: string;
  /** Whether it can be accepted; else it is plain HTTP. */
  readonly isUpgrade: boolean;
  /** Both answer false if the client has gone meanwhile, or the server is closing. */
  accept(subprotocol?: string, headers?: Headers): boolean;
  respond(status: number, body?: Data, headers?: Headers): boolean;
}

export type Handler = (socket: WebSocket, request: Request) => unknown;

export interface WebSocketServerEvents {
  connection: [socket: WebSocket, request: Request];
  /** With the option `requests`. */
  request: [request: Request];
  close: [];
}

export class WebSocketServer extends EventEmitter {
  constructor(url: string | URL, options?: (OptionValues & ConnectOptions) | Options);
  readonly url: string;
  readonly address: string;
  readonly clients: Set<WebSocket>;
  /** How many took it; 0 once the server is closing. */
  broadcast(data: Data, options?: SendOptions & { except?: WebSocket | null }): number;
  reloadTls(options?: OptionValues | Options): void;
  close(deadline?: number): Promise<void>;

  on<Name extends keyof WebSocketServerEvents>(
    name: Name, listener: (...values: WebSocketServerEvents[Name]) => void): this;
  once<Name extends keyof WebSocketServerEvents>(
    name: Name, listener: (...values: WebSocketServerEvents[Name]) => void): this;
  off<Name extends keyof WebSocketServerEvents>(
    name: Name, listener: (...values: WebSocketServerEvents[Name]) => void): this;
}

export function serve(url: string | URL, handler: Handler): WebSocketServer;
export function serve(
  url: string | URL, options: (OptionValues & ConnectOptions) | Options | undefined, handler: Handler): WebSocketServer;

/** Sets options for all connections and servers of this thread, before the first of them. */
export function configure(options: OptionValues | Options): void;

// ---- the raw layer

export interface Event {
  /** EVENT_OPEN and its like. Ignore kinds that you do not know: later versions may add some. */
  kind: number;
  opcode: number;
  connection: number;
  listener: number;
  /** A bigint only if it is no safe integer. */
  tag: number | bigint;
  /** string: a whole text message, and the reason of a CLOSE; Buffer: other messages, and of a PONG; else undefined. */
  data: string | Buffer | undefined;
  code: number;
  error: number;
  system: number;
  flags: number;
  /** CLOSE: the library's words. */
  text: string;
}

export class Manager {
  constructor(options?: OptionValues | Options);
  free(): void;
  readonly handle: number;
  readonly fd: number;
  readonly lastError: string;

  listen(url: string, options?: OptionValues | Options): number;
  connect(url: string, options?: OptionValues | Options): number;
  /** Blocks this thread up to `timeout` milliseconds; default 0, -1: for ever. */
  poll(timeout?: number): Event[];
  flush(): void;
  wake(): void;
  watch(listener: (events: Event[]) => void): void;
  unwatch(): void;
  ref(): void;
  unref(): void;

  send(id: number, opcode: number, data: Data): void;
  sendPart(id: number, opcode: number, data: Data, final: boolean): void;
  ping(id: number, data?: Data): void;
  close(id: number, code?: number, reason?: string): void;
  abort(id: number): void;
  pause(id: number): void;
  resume(id: number): void;
  queued(id: number): number;
  setTag(id: number, tag: number | bigint): void;
  /** `except`: 0 for none. */
  broadcast(listener: number, except: number, opcode: number, data: Data): number;
  accept(id: number, subprotocol?: string, options?: OptionValues | Options): void;
  respond(id: number, status: number, options?: OptionValues | Options, body?: Data): void;
  drain(deadline: number): void;
  reloadTls(listener: number, options?: OptionValues | Options): void;
  stat(name: string): number;

  path(id: number): string | null;
  header(id: number, name: string, nth?: number): string | null;
  headerAt(id: number, index: number): string | null;
  /** "Name: value" each. */
  headers(id: number): string[];
  status(id: number): string | null;
  subprotocol(id: number): string | null;
  extensions(id: number): string | null;
  tls(id: number): string | null;
  tlsSubject(id: number): string | null;
  peerAddress(id: number): string | null;
  localAddress(id: number): string | null;
}

/** A manager of another thread. */
export class Remote {
  constructor(handle: number);
  send(id: number, opcode: number, data: Data): void;
  close(id: number, code?: number, reason?: string): void;
  wake(): void;
}

export const EVENT_OPEN: 1;
export const EVENT_MESSAGE: 2;
export const EVENT_DRAIN: 3;
export const EVENT_CLOSE: 4;
export const EVENT_REQUEST: 5;
export const EVENT_PONG: 6;
export const TEXT: 1;
export const BINARY: 2;
export const UNCOMPRESSED: 256;
export const FIRST: 1;
export const FINAL: 2;
export const BY_PEER: 4;
export const CLEAN: 8;
export const COMPRESSED: 16;
export const UPGRADE: 32;
export const OPTION_INT: 1;
export const OPTION_FLAG: 2;
export const OPTION_TEXT: 3;

export function version(): string;
export function errorName(code: number): string;
export function errorText(code: number): string;
export function describeOptions(): {
  name: string; kind: number; default: number | bigint; min: number | bigint; max: number | bigint; text: string;
}[];
export function describeStats(): { name: string; text: string }[];
