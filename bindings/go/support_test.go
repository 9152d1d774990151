package hawser_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"hawser.org/hawser"
)

var background = context.Background()

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func echo(conn *hawser.Conn) {
	for {
		opcode, data, err := conn.ReadMessage(background)
		if err != nil || conn.WriteMessage(background, opcode, data) != nil {
			return
		}
	}
}

// A listener that serves until the test ends.
func serve(t *testing.T, config *hawser.Config, handler func(*hawser.Conn)) *hawser.Listener {
	t.Helper()
	return serveAt(t, "ws://127.0.0.1:0/", config, handler)
}

func serveAt(t *testing.T, url string, config *hawser.Config, handler func(*hawser.Conn)) *hawser.Listener {
	t.Helper()
	listener, err := hawser.Listen(url, config)
	must(t, err)
	go listener.Serve(handler)
	t.Cleanup(listener.Close)
	return listener
}

func dial(t *testing.T, url string, config *hawser.Config) *hawser.Conn {
	t.Helper()
	conn, err := hawser.Dial(background, url, config)
	must(t, err)
	t.Cleanup(conn.Abort)
	return conn
}

func options(t *testing.T, settings map[string]any) *hawser.Options {
	t.Helper()
	options := &hawser.Options{}
	for name, value := range settings {
		must(t, options.Set(name, value))
	}
	return options
}

func manager(t *testing.T, options *hawser.Options) *hawser.Manager {
	t.Helper()
	m, err := hawser.NewManager(options)
	must(t, err)
	t.Cleanup(m.Free)
	return m
}

// A file of the certificates that the build writes; the test is skipped where there are none.
func certificate(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(folder(t, "HAWSER_CERTIFICATES"), name)
}

func folder(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if _, err := os.Stat(path); path == "" || err != nil {
		t.Skip(variable, "names no folder")
	}
	return path
}

func read(t *testing.T, conn *hawser.Conn) string {
	t.Helper()
	_, data, err := conn.ReadMessage(background)
	must(t, err)
	return string(data)
}

func write(t *testing.T, conn *hawser.Conn, text string) {
	t.Helper()
	must(t, conn.WriteMessage(background, hawser.Text, []byte(text)))
}

func until(m *hawser.Manager, kind hawser.EventKind) hawser.Event {
	for {
		events, err := m.Poll(-1)
		if err != nil {
			panic(err)
		}
		for _, event := range events {
			if event.Kind == kind {
				return event
			}
		}
	}
}

// A server that reads nothing from its first connection.
func pauseTheFirst(server *hawser.Manager) <-chan hawser.ID {
	paused := make(chan hawser.ID)
	go func() {
		id := until(server, hawser.EventOpen).Connection
		_ = server.Pause(id)
		_ = server.Flush() // its handshake
		paused <- id
	}()
	return paused
}

func countUntilText(m *hawser.Manager) (count int) {
	for {
		events, err := m.Poll(-1)
		if err != nil {
			panic(err)
		}
		for _, event := range events {
			if event.Opcode == hawser.Text {
				return count
			}
			if event.Kind == hawser.EventMessage {
				count++
			}
		}
	}
}
