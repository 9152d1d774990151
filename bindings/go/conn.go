package hawser

// #include "batch.h"
import "C"

import (
	"context"
	"net/textproto"
	"strings"
)

// A Conn is a connection of either role. Its methods may be called by any goroutine at any time.
type Conn struct {
	// Value is yours.
	Value any

	loop    *loop
	id      ID
	handler *Handler
	inbox   inbox[message]
	opened  chan struct{} // of an outgoing one: closed with OPEN or the end
	done    chan struct{} // closed with the end
	err     error         // the end, to be read after done or with the loop's mutex
	drained chan struct{} // with the loop's mutex: somebody waits to write until it is closed
	isOpen  bool
	handshake
}

// What is known since the connection was opened.
type handshake struct {
	path, subprotocol, extensions, peerAddress, localAddress, tls, tlsSubject string
	header                                                                    textproto.MIMEHeader
}

type message struct {
	opcode Opcode
	data   []byte
}

// Messages of few bytes take more than those.
const messageOverhead = 64

func newConn(l *loop, id ID, config *Config) *Conn {
	size := func(m message) int { return len(m.data) + messageOverhead }
	return &Conn{loop: l, id: id, handler: config.Handler, opened: make(chan struct{}), done: make(chan struct{}),
		inbox: newInbox(config.readBuffer(), size, l.gate(id))}
}

// ReadMessage waits for the next message; it is yours. What came before the end of the connection can be read after it;
// then the error is a *CloseError. A context that is done ends the call, not the connection, and no message is lost.
func (c *Conn) ReadMessage(ctx context.Context) (Opcode, []byte, error) {
	m, err := c.inbox.take(ctx)
	return m.opcode, m.data, err
}

// WriteMessage sends a message: Text, which has to be UTF-8, or Binary, perhaps | Uncompressed. nil: it is accepted, and
// leaves before any later one. It waits while the send queue is full ("max_send_queue"), until the context is done: then
// nothing was sent. A connection with a Handler returns ErrWouldBlock instead. ErrUTF8, ErrOpcode, ErrNoMemory;
// ErrClosed while the connection closes, whichever side began; a *CloseError when it has ended: Done, then Err, tell why.
func (c *Conn) WriteMessage(ctx context.Context, opcode Opcode, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		room, err := c.tryWrite(opcode, data)
		if room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Not nil: what to wait for before the next attempt.
func (c *Conn) tryWrite(opcode Opcode, data []byte) (<-chan struct{}, error) {
	l := c.loop
	start, size := payload(data)
	l.lock()
	defer l.mutex.Unlock()
	if l.handle == nil {
		return nil, c.err
	}
	result := C.hawser_go_send_alone(l.handle, C.hws_id(c.id), C.int32_t(opcode), start, size, boolean(l.asleep))
	if result == C.HWS_ERR_WOULD_BLOCK && c.handler == nil {
		if c.drained == nil {
			c.drained = make(chan struct{})
		}
		return c.drained, nil
	}
	return nil, c.failure(result)
}

// With the loop's mutex held.
func (c *Conn) letWrite() {
	if c.drained != nil {
		close(c.drained)
		c.drained = nil
	}
}

// With the loop's mutex held.
func (c *Conn) failure(result C.hws_result) error {
	closed := result == C.HWS_ERR_CLOSED || result == C.HWS_ERR_STALE
	if closed && c.err != nil {
		return c.err
	}
	return check(result)
}

func (c *Conn) call(call func(*C.hws_manager) C.hws_result) error {
	l := c.loop
	l.lock()
	defer l.mutex.Unlock()
	if l.handle == nil {
		return c.err
	}
	result := call(l.handle)
	l.flushIfAsleep()
	return c.failure(result)
}

// Ping sends a ping with up to 125 bytes. Keeping the connection alive is the library's own business ("ping_interval").
func (c *Conn) Ping(data []byte) error {
	start, size := payload(data)
	return c.call(func(handle *C.hws_manager) C.hws_result {
		return C.hawser_go_ping(handle, C.hws_id(c.id), start, size)
	})
}

// Close starts the closing handshake, behind what was written, and does not wait for its end: Done tells that. code is
// 1000-1003, 1007-1014 or 3000-4999, or 0 for none; reason has up to 123 bytes. What the peer sends before its own Close
// can still be read, and has to be where more than Config.ReadBuffer waits, or its Close is not seen; a peer that does not
// answer is left after "close_timeout". ErrClosed: it is closing already.
func (c *Conn) Close(code int, reason string) error {
	text, err := cString(reason)
	if err != nil {
		return err
	}
	defer free(text)
	return c.call(func(handle *C.hws_manager) C.hws_result {
		return C.hawser_go_close_alone(handle, C.hws_id(c.id), number(code), text)
	})
}

// Nobody reads any more. Unless somebody did, the peer's Close could not be read either, if much came before it.
func (c *Conn) closeAndDiscard() {
	_ = c.Close(1000, "")
	for {
		if _, _, err := c.ReadMessage(context.Background()); err != nil {
			return
		}
	}
}

// Abort ends the connection at once, without a closing handshake.
func (c *Conn) Abort() {
	c.loop.do(func(handle *C.hws_manager) { C.hws_manager_abort(handle, C.hws_id(c.id)) })
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err is nil until Done is closed, and a *CloseError from then on.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Path is the request target, path and query: "/chat?room=1".
func (c *Conn) Path() string { return c.path }

// Header is what the peer's request, or answer, had: Header().Get("User-Agent"). Do not change it.
func (c *Conn) Header() textproto.MIMEHeader { return c.header }

// Subprotocol is the one agreed on; "": none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Extensions are those agreed on: "permessage-deflate; client_no_context_takeover".
func (c *Conn) Extensions() string { return c.extensions }

// PeerAddress is "192.0.2.1:50000" or "[2001:db8::1]:50000".
func (c *Conn) PeerAddress() string { return c.peerAddress }

// LocalAddress is likewise ours.
func (c *Conn) LocalAddress() string { return c.localAddress }

// TLS is version and cipher suite, "TLSv1.3 TLS_AES_256_GCM_SHA384", and TLSSubject the subject of the peer's
// certificate. "": there is none.
func (c *Conn) TLS() string        { return c.tls }
func (c *Conn) TLSSubject() string { return c.tlsSubject }

// In the batch of OPEN, with the loop's mutex held.
func (c *Conn) readHandshake(m *C.hws_manager) {
	id := C.hws_id(c.id)
	c.handshake = handshake{C.GoString(C.hws_manager_path(m, id)), C.GoString(C.hws_manager_subprotocol(m, id)),
		C.GoString(C.hws_manager_extensions(m, id)), C.GoString(C.hws_manager_peer_address(m, id)),
		C.GoString(C.hws_manager_local_address(m, id)), C.GoString(C.hws_manager_tls(m, id)),
		C.GoString(C.hws_manager_tls_subject(m, id)), textproto.MIMEHeader{}}
	for i := C.int32_t(0); ; i++ {
		field := C.hws_manager_header_at(m, id, i)
		if field == nil {
			return
		}
		name, value, _ := strings.Cut(C.GoString(field), ": ")
		c.header.Add(name, value)
	}
}

// What the loop's goroutine has to say, without the mutex. True: a goroutine was woken that may answer.
func (c *Conn) tell(entry *C.hawser_go_entry) bool {
	switch entry.event.kind {
	case C.HWS_EVENT_OPEN:
		c.open()
		return true
	case C.HWS_EVENT_MESSAGE:
		return c.deliver(Opcode(entry.event.opcode), borrowed(entry.event))
	case C.HWS_EVENT_DRAIN:
		if c.handler != nil && c.handler.Drain != nil {
			c.handler.Drain(c)
		}
	case C.HWS_EVENT_CLOSE:
		c.finish()
	}
	return false
}

func (c *Conn) open() {
	c.isOpen = true
	close(c.opened)
	if c.handler == nil && c.loop.listener != nil {
		if !c.loop.listener.inbox.put(c) {
			_ = c.Close(1001, "")
		}
	}
	if c.handler != nil && c.handler.Open != nil {
		c.handler.Open(c)
	}
}

func (c *Conn) deliver(opcode Opcode, data []byte) bool {
	if c.handler == nil {
		c.inbox.put(message{opcode, append([]byte(nil), data...)})
		return true
	}
	if c.handler.Message != nil {
		c.loop.scratch = append(c.loop.scratch[:0], data...)
		c.handler.Message(c, opcode, c.loop.scratch)
	}
	return false
}

func (c *Conn) finish() {
	close(c.done)
	if !c.isOpen {
		close(c.opened)
	}
	c.inbox.finish(c.err)
	if c.isOpen && c.handler != nil && c.handler.Close != nil {
		c.handler.Close(c, c.err)
	}
}
