package hawser

import (
	"strings"
	"sync"
)

// A Config says how Dial connects, or how Listen listens. nil is a Config with nothing in it. It may be used many times
// and by any goroutine; do not change it after its first use.
type Config struct {
	// Subprotocols in order of preference: a client offers them, a server picks its first one that is offered.
	Subprotocols []string

	// Header is sent with the client's request, or the server's 101. An http.Header fits.
	Header map[string][]string

	// Options are all other settings; docs/reference/options.md lists them. Those of a listener are its manager's as well, but
	// outgoing connections have one manager with the defaults. "parts" and "requests" are for the raw layer only.
	Options *Options

	// ReadBuffer is the number of bytes that may wait for ReadMessage, beyond which nothing is read from the peer;
	// 0 stands for 1 MiB.
	ReadBuffer int

	// Handler, if there is one, is shown messages as they come, in place of ReadMessage.
	Handler *Handler

	once    sync.Once
	options *Options // with everything above
	err     error
}

// A Handler has the functions that are called when something happens to a connection; any may be nil. They run on the
// goroutine of the loop that serves all connections of a listener, or all outgoing ones, so none may wait. This is the
// fastest way to answer a message.
type Handler struct {
	Open func(conn *Conn)

	// Message is shown a message; data is valid until it returns.
	Message func(conn *Conn, opcode Opcode, data []byte)

	// Drain follows an ErrWouldBlock of WriteMessage: there is room again.
	Drain func(conn *Conn)

	// Close is the last call for a connection that was opened; err is a *CloseError.
	Close func(conn *Conn, err error)
}

const defaultReadBuffer = 1 << 20

func (c *Config) orDefault() *Config {
	if c == nil {
		return &Config{}
	}
	return c
}

func (c *Config) readBuffer() int {
	if c.ReadBuffer <= 0 {
		return defaultReadBuffer
	}
	return c.ReadBuffer
}

// The options to connect or listen with: always the same ones, so that what they load is loaded once.
func (c *Config) allOptions() (*Options, error) {
	c.once.Do(func() {
		c.options = c.Options
		if len(c.Subprotocols) > 0 || len(c.Header) > 0 {
			c.options, c.err = c.withFields()
		}
	})
	return c.options, c.err
}

func (c *Config) withFields() (*Options, error) {
	options := c.Options.clone()
	if len(c.Subprotocols) > 0 {
		if err := options.Set("subprotocols", strings.Join(c.Subprotocols, ", ")); err != nil {
			return nil, err
		}
	}
	for name, values := range c.Header {
		for _, value := range values {
			if err := options.AddHeader(name, value); err != nil {
				return nil, err
			}
		}
	}
	return options, nil
}
