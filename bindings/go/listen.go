package hawser

// #include "batch.h"
import "C"

import (
	"context"
	"net"
	"strings"
	"time"
)

// A Listener takes the connections of clients. Its methods may be called by any goroutine.
type Listener struct {
	loop    *loop
	config  *Config
	id      ID // 0 when it has closed; with the loop's mutex
	address string
	url     string
	inbox   inbox[*Conn]
}

// Connections that may wait for Accept; beyond it, the kernel's queue takes them.
const maxWaiting = 128

// Listen listens at a ws:// or wss:// URL whose host is an IP address or "localhost"; port 0 takes a free one, which URL
// tells. Path and query are not matched: look at the Path of a Conn. Each listener has a goroutine, and a manager, of its
// own. ErrURL, ErrListen, ErrTLS, ErrLimit ...
func Listen(url string, config *Config) (*Listener, error) {
	config = config.orDefault()
	options, err := config.allOptions()
	if err != nil {
		return nil, err
	}
	text, err := cString(url)
	if err != nil {
		return nil, err
	}
	defer free(text)
	l, err := newLoop(options)
	if err != nil {
		return nil, err
	}
	listener, err := l.listen(text, config)
	go l.run()
	return listener, err
}

// The options are the manager's: told once more, its headers would be sent once more.
func (l *loop) listen(url *C.char, config *Config) (*Listener, error) {
	l.lock()
	defer l.mutex.Unlock()
	id := C.hws_manager_listen(l.handle, url, nil)
	if id < 0 {
		return nil, l.failure(id)
	}
	address := C.GoString(C.hws_manager_local_address(l.handle, id))
	scheme, _, _ := strings.Cut(C.GoString(url), "://")
	l.listener = &Listener{loop: l, config: config, id: ID(id), address: address, url: scheme + "://" + address + "/",
		inbox: newInbox(maxWaiting, func(*Conn) int { return 1 }, l.gate(ID(id)))}
	return l.listener, nil
}

// URL is where the listener listens, with its real port: "ws://127.0.0.1:9001/".
func (l *Listener) URL() string { return l.url }

// Address is "127.0.0.1:9001".
func (l *Listener) Address() string { return l.address }

// Accept waits for the next connection that is open. After Close it returns net.ErrClosed. With a Handler there is nothing
// to accept.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) { return l.inbox.take(ctx) }

// Serve accepts until Close, and calls handler in a goroutine for each connection, which is closed with 1000 when handler
// returns; what the peer sends from then on is discarded. It returns net.ErrClosed. With a Handler it just waits.
func (l *Listener) Serve(handler func(*Conn)) error {
	for {
		conn, err := l.Accept(context.Background())
		if err != nil {
			return err
		}
		go func() {
			defer conn.closeAndDiscard()
			handler(conn)
		}()
	}
}

// Close stops listening. Connections stay, but those that nobody has accepted are closed with 1001.
func (l *Listener) Close() {
	l.loop.do(func(handle *C.hws_manager) { C.hawser_go_close_alone(handle, C.hws_id(l.id), 0, nil) })
	l.turnAway()
}

// Shutdown stops listening and closes all connections with 1001, which sends first what is queued. It waits until they
// have ended or the context is done. If the context has a deadline, the Closes are spread over three quarters of that
// time, so that the clients do not all come back at once.
func (l *Listener) Shutdown(ctx context.Context) error {
	left := time.Duration(-1)
	if deadline, ok := ctx.Deadline(); ok {
		if left = time.Until(deadline); left < 0 {
			left = 0
		}
	}
	l.loop.do(func(handle *C.hws_manager) { C.hws_manager_drain(handle, milliseconds(left)) })
	l.turnAway()
	select {
	case <-l.loop.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Nobody accepts any more.
func (l *Listener) turnAway() {
	l.inbox.finish(net.ErrClosed)
	for {
		conn, found, _ := l.inbox.tryTake()
		if !found {
			return
		}
		_ = conn.Close(1001, "")
	}
}

// With the loop's mutex held.
func (l *Listener) forget(id ID) {
	if l != nil && l.id == id {
		l.id = 0
	}
}
