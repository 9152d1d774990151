package hawser

// #include "batch.h"
import "C"

// Send sends a whole message; it leaves with the next Poll or Flush, or at once if it is large. data is copied or
// written before Send returns. Any goroutine, at any time. ErrWouldBlock, ErrUTF8, ErrOpcode, ErrState, ErrClosed,
// ErrStale, ErrNoMemory, ErrRandom.
func (m *Manager) Send(connection ID, opcode Opcode, data []byte) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	start, size := payload(data)
	return check(C.hawser_go_send(m.handle, C.hws_id(connection), C.int32_t(opcode), start, size))
}

// SendPart sends a part of a message as one frame. All parts have the same opcode; a text may be cut inside a character.
// Errors as Send, and ErrBusy.
func (m *Manager) SendPart(connection ID, opcode Opcode, data []byte, final bool) error {
	start, size := payload(data)
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hawser_go_send_part(handle, C.hws_id(connection), C.int32_t(opcode), start, size, boolean(final)))
	})
	return err
}

// Ping sends a ping with up to 125 bytes. Keeping connections alive is the library's own business ("ping_interval").
func (m *Manager) Ping(connection ID, data []byte) error {
	start, size := payload(data)
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hawser_go_ping(handle, C.hws_id(connection), start, size))
	})
	return err
}

// Close starts the closing handshake behind what is queued; a close event follows. code 0: without one. reason: up to
// 123 bytes. Before the open event it gives up the handshake; a listener stops listening, its connections stay. Any
// goroutine, at any time. ErrCloseCode, ErrTooLarge, ErrUTF8, ErrClosed, ErrStale, ErrNoMemory.
func (m *Manager) Close(id ID, code int, reason string) error {
	text, err := cString(reason)
	if err != nil {
		return err
	}
	defer free(text)
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	return check(C.hws_manager_close(m.handle, C.hws_id(id), number(code), text))
}

// Abort ends the TCP connection at once, unsent bytes and all; a listener: as Close. A close event follows.
func (m *Manager) Abort(id ID) error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hws_manager_abort(handle, C.hws_id(id)))
	})
	return err
}

// Pause reads no more from a connection, accepts no more at a listener, until Resume. The peer's Close is not read
// either.
func (m *Manager) Pause(id ID) error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hws_manager_pause(handle, C.hws_id(id)))
	})
	return err
}

// Resume ends a Pause.
func (m *Manager) Resume(id ID) error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hws_manager_resume(handle, C.hws_id(id)))
	})
	return err
}

// Queued is the number of bytes accepted for sending and not yet given to the kernel.
func (m *Manager) Queued(connection ID) (int64, error) {
	return m.alone(func(handle *C.hws_manager) C.int64_t { return C.hws_manager_queued(handle, C.hws_id(connection)) })
}

// SetTag gives an id a number of yours that comes with each of its later events. Accepted connections start with their
// listener's.
func (m *Manager) SetTag(id ID, tag int64) error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hws_manager_set_tag(handle, C.hws_id(id), C.int64_t(tag)))
	})
	return err
}

// Broadcast sends a message to every open connection of a listener but one (0: to all), and returns how many accepted
// it. One whose queue is full is closed with 1013, or skipped, as the option "slow_reader" says.
func (m *Manager) Broadcast(listener, except ID, opcode Opcode, data []byte) (int, error) {
	start, size := payload(data)
	count, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hawser_go_broadcast(handle, C.hws_id(listener), C.hws_id(except), C.int32_t(opcode), start, size))
	})
	return int(count), err
}

// Accept answers a request that has the flag Upgrade with 101; an open event follows. subprotocol: one that the client
// offered, or "". headers: Options whose headers are added, or nil. ErrState: no such request waits.
func (m *Manager) Accept(connection ID, subprotocol string, headers *Options) error {
	_, err := m.aloneWithText(subprotocol, func(handle *C.hws_manager, subprotocol *C.char) C.int64_t {
		defer headers.unlock()
		return C.int64_t(C.hws_manager_accept(handle, C.hws_id(connection), subprotocol, headers.lock()))
	})
	return err
}

// Respond answers a request with an HTTP status from 200 to 599 and a body; a close event follows.
func (m *Manager) Respond(connection ID, status int, headers *Options, body []byte) error {
	start, size := payload(body)
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		defer headers.unlock()
		return C.int64_t(C.hawser_go_respond(handle, C.hws_id(connection), number(status), headers.lock(), start, size))
	})
	return err
}

// The readers below answer "" where there is nothing to tell. Handshake data (path, headers, status) can be read from a
// request or open event to the next Poll, after the close of a connection that never opened as well, and with the option
// "keep_handshake" at any time; the others as long as the id lives.

// Path is the request target, path and query: "/chat?room=1".
func (m *Manager) Path(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char { return C.hws_manager_path(handle, C.hws_id(connection)) })
}

// Header is the value of the peer's header field of this name (any case), its nth occurrence from 0. false: there is
// none.
func (m *Manager) Header(connection ID, name string, nth int) (string, bool) {
	c, err := cString(name)
	if err != nil {
		return "", false
	}
	defer free(c)
	return m.lookUp(func(handle *C.hws_manager) *C.char {
		return C.hws_manager_header(handle, C.hws_id(connection), c, number(nth))
	})
}

// HeaderAt is the peer's header field number index from 0, "Name: value". false: there is none.
func (m *Manager) HeaderAt(connection ID, index int) (string, bool) {
	return m.lookUp(func(handle *C.hws_manager) *C.char {
		return C.hws_manager_header_at(handle, C.hws_id(connection), number(index))
	})
}

// Status is what the server answered to an outgoing connection: "403 Forbidden".
func (m *Manager) Status(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char { return C.hws_manager_status(handle, C.hws_id(connection)) })
}

// Subprotocol is the one agreed on; while a request waits, the first of ours that the client offers.
func (m *Manager) Subprotocol(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char {
		return C.hws_manager_subprotocol(handle, C.hws_id(connection))
	})
}

// Extensions are those agreed on: "permessage-deflate; client_no_context_takeover".
func (m *Manager) Extensions(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char { return C.hws_manager_extensions(handle, C.hws_id(connection)) })
}

// TLS is version and cipher suite: "TLSv1.3 TLS_AES_256_GCM_SHA384".
func (m *Manager) TLS(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char { return C.hws_manager_tls(handle, C.hws_id(connection)) })
}

// TLSSubject is the subject of the peer's certificate: "CN=example.org".
func (m *Manager) TLSSubject(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char {
		return C.hws_manager_tls_subject(handle, C.hws_id(connection))
	})
}

// PeerAddress is "192.0.2.1:50000" or "[2001:db8::1]:50000".
func (m *Manager) PeerAddress(connection ID) string {
	return m.read(func(handle *C.hws_manager) *C.char {
		return C.hws_manager_peer_address(handle, C.hws_id(connection))
	})
}

// LocalAddress is likewise ours, of a connection or a listener.
func (m *Manager) LocalAddress(id ID) string {
	return m.read(func(handle *C.hws_manager) *C.char { return C.hws_manager_local_address(handle, C.hws_id(id)) })
}

func (m *Manager) read(call func(*C.hws_manager) *C.char) string {
	text, _ := m.lookUp(call)
	return text
}

func (m *Manager) lookUp(call func(*C.hws_manager) *C.char) (string, bool) {
	if m.enterAlone() != nil {
		return "", false
	}
	defer m.leaveAlone()
	text := call(m.handle)
	return C.GoString(text), text != nil
}
