package hawser

// #include "batch.h"
import "C"

import (
	"context"
	"sync"
)

// The loop of outgoing connections, while there are any.
var dialing struct {
	mutex sync.Mutex
	loop  *loop
}

// Dial connects to a ws:// or wss:// URL, whose server's certificate is verified. It waits until the handshake is done
// or the context is: then it gives up. Wrong arguments are an ErrorCode (ErrURL, ErrTLS ...); a failure is a *CloseError:
// errors.Is(err, hawser.ErrHTTP), with the status in System.
func Dial(ctx context.Context, url string, config *Config) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := connect(url, config.orDefault())
	if err != nil {
		return nil, err
	}
	select {
	case <-conn.opened:
	case <-ctx.Done():
		conn.Abort()
		return nil, ctx.Err()
	}
	select {
	case <-conn.done:
		if !conn.isOpen {
			return nil, conn.err
		}
	default:
	}
	return conn, nil
}

func connect(url string, config *Config) (*Conn, error) {
	options, err := config.allOptions()
	if err != nil {
		return nil, err
	}
	text, err := cString(url)
	if err != nil {
		return nil, err
	}
	defer free(text)
	dialing.mutex.Lock()
	defer dialing.mutex.Unlock()
	if l := dialing.loop; l != nil {
		if conn, err := l.connect(text, options, config); err != errEnded {
			return conn, err
		}
	}
	l, err := newLoop(nil)
	if err != nil {
		return nil, err
	}
	dialing.loop = l
	defer func() { go l.run() }()
	return l.connect(text, options, config)
}

// Not ErrClosed: the caller did nothing wrong.
var errEnded = &Error{ErrClosed, "the loop has ended"}

func (l *loop) connect(url *C.char, options *Options, config *Config) (*Conn, error) {
	l.lock()
	defer l.mutex.Unlock()
	if l.handle == nil {
		return nil, errEnded
	}
	defer options.unlock()
	id := C.hws_manager_connect(l.handle, url, options.lock())
	if id < 0 {
		return nil, l.failure(id)
	}
	l.flushIfAsleep()
	conn := newConn(l, ID(id), config)
	l.connections[conn.id] = conn
	return conn, nil
}
