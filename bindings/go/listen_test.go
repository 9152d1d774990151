package hawser_test

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"hawser.org/hawser"
)

func TestCloseOfAListenerLeavesConnections(t *testing.T) {
	listener, err := hawser.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	first := dial(t, listener.URL(), nil)
	server, err := listener.Accept(background)
	must(t, err)
	second := dial(t, listener.URL(), nil) // nobody accepts it
	listener.Close()
	<-second.Done()
	if code := hawser.CloseStatus(second.Err()); code != 1001 {
		t.Error(code)
	}
	if _, err := listener.Accept(background); err != net.ErrClosed {
		t.Error(err)
	}
	if _, err := hawser.Dial(background, listener.URL(), nil); !errors.Is(err, hawser.ErrConnect) {
		t.Error(err)
	}
	write(t, first, "still there")
	if text := read(t, server); text != "still there" {
		t.Error(text)
	}
}

func TestAnAcceptEndsWithItsContext(t *testing.T) {
	listener, err := hawser.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	defer listener.Close()
	ctx, cancel := context.WithCancel(background)
	go cancel()
	if _, err := listener.Accept(ctx); err != context.Canceled {
		t.Error(err)
	}
	conn := dial(t, listener.URL(), nil)
	if server, err := listener.Accept(background); err != nil || server.PeerAddress() != conn.LocalAddress() {
		t.Error(err)
	}
}

// More connections than wait for Accept at one time.
func TestCrowdIsAccepted(t *testing.T) {
	const crowd = 300
	listener, err := hawser.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	defer listener.Close()
	conns := make(chan *hawser.Conn)
	for i := 0; i < crowd; i++ {
		go func() {
			conn, err := hawser.Dial(background, listener.URL(), nil)
			if err != nil {
				t.Error(err)
			}
			conns <- conn
		}()
	}
	for i := 0; i < crowd; i++ {
		server, err := listener.Accept(background)
		must(t, err)
		defer server.Abort()
	}
	for i := 0; i < crowd; i++ {
		(<-conns).Abort()
	}
}

func TestShutdownEndsAll(t *testing.T) {
	for name, config := range loops(t) {
		listener := serve(t, config, echo)
		conn := dial(t, listener.URL(), nil)
		must(t, listener.Shutdown(background))
		<-conn.Done()
		if code := hawser.CloseStatus(conn.Err()); code != 1001 {
			t.Error(name, code)
		}
		must(t, listener.Shutdown(background))
	}
}

// A handler that returns although much waits to be read: the Close of the peer, which is behind it, is heard.
func TestServeReadsToTheEnd(t *testing.T) {
	written := make(chan bool)
	listener := serve(t, &hawser.Config{ReadBuffer: 1000}, func(*hawser.Conn) { <-written })
	conn := dial(t, listener.URL(), nil)
	for i := 0; i < 100; i++ {
		must(t, conn.WriteMessage(background, hawser.Binary, make([]byte, 1000)))
	}
	time.Sleep(20 * time.Millisecond) // some of it has arrived
	begin := time.Now()
	close(written)
	<-conn.Done()
	if took := time.Since(begin); hawser.CloseStatus(conn.Err()) != 1000 || took > 4*time.Second { // close_timeout: 5 s
		t.Error(conn.Err(), "after", took)
	}
}

func TestListenSaysWhyItFails(t *testing.T) {
	listener := serve(t, nil, echo)
	for url, code := range map[string]error{listener.URL(): hawser.ErrListen, "ws://example.org/": hawser.ErrURL,
		"ws://127.0.0.1/\x00": hawser.ErrArgument} {
		if _, err := hawser.Listen(url, nil); !errors.Is(err, code) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestAHeaderIsSentOnce(t *testing.T) {
	options := &hawser.Options{}
	must(t, options.AddHeader("X-Port", "Iolcos"))
	listener := serve(t, &hawser.Config{Options: options, Header: map[string][]string{"X-Ship": {"Argo"}}}, echo)
	header := dial(t, listener.URL(), nil).Header()
	if ships, ports := header["X-Ship"], header["X-Port"]; len(ships) != 1 || len(ports) != 1 {
		t.Error(ships, ports)
	}
}

// Neither descriptors nor goroutines are left when all is closed.
func TestNothingIsLeft(t *testing.T) {
	use := func() {
		for _, config := range loops(t) {
			listener, err := hawser.Listen("ws://127.0.0.1:0/", config)
			must(t, err)
			go listener.Serve(echo)
			conn, err := hawser.Dial(background, listener.URL(), nil)
			must(t, err)
			write(t, conn, "x")
			read(t, conn)
			must(t, conn.Close(1000, ""))
			<-conn.Done()
			must(t, listener.Shutdown(background))
		}
	}
	use()
	descriptors, goroutines := count(t)
	for i := 0; i < 20; i++ {
		use()
	}
	// What ends does so in its own time, and the test in its own, too.
	for {
		d, g := count(t)
		if d <= descriptors && g <= goroutines {
			return
		}
		runtime.Gosched()
	}
}

func count(t *testing.T) (descriptors, goroutines int) {
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries), runtime.NumGoroutine()
}
