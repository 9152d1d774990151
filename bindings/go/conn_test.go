package hawser_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hawser.org/hawser"
)

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	payloads := []struct {
		opcode hawser.Opcode
		data   []byte
	}{
		{hawser.Text, nil}, {hawser.Binary, nil}, {hawser.Text, []byte("Grüße ⚓ 😀")}, {hawser.Text, []byte("a\x00b")},
		{hawser.Binary, []byte{0}}, {hawser.Binary, all}, {hawser.Binary, bytes.Repeat(all, 1<<16)},
		{hawser.Text, bytes.Repeat([]byte("⚓"), 1<<20)},
	}
	for name, config := range loops(t) {
		conn := dial(t, serve(t, config, echo).URL(), nil)
		for _, sent := range payloads {
			must(t, conn.WriteMessage(background, sent.opcode, sent.data))
			opcode, data, err := conn.ReadMessage(background)
			must(t, err)
			if opcode != sent.opcode || !bytes.Equal(data, sent.data) {
				t.Errorf("%s: %d bytes came back as %d of %v", name, len(sent.data), len(data), opcode)
			}
		}
	}
}

// The ways in which a loop waits.
func loops(t *testing.T) map[string]*hawser.Config {
	return map[string]*hawser.Config{"Go's poller": nil, "handler": {Handler: answering},
		"no descriptor": {Options: options(t, map[string]any{"backend": "poll"})}}
}

var answering = &hawser.Handler{Message: func(conn *hawser.Conn, opcode hawser.Opcode, data []byte) {
	_ = conn.WriteMessage(background, opcode, data)
}}

// What was read stays as it is, whatever comes after it.
func TestMessagesAreTheReaders(t *testing.T) {
	conn := dial(t, serve(t, nil, echo).URL(), nil)
	var kept [][]byte
	for i := 0; i < 1000; i++ {
		write(t, conn, fmt.Sprint(i))
		_, data, err := conn.ReadMessage(background)
		must(t, err)
		kept = append(kept, data)
	}
	for i, data := range kept {
		if string(data) != fmt.Sprint(i) {
			t.Fatalf("message %d has become %q", i, data)
		}
	}
}

func TestWrongMessagesAreRefused(t *testing.T) {
	conn := dial(t, serve(t, nil, echo).URL(), nil)
	for err, send := range map[error]func() error{
		hawser.ErrUTF8:      func() error { return conn.WriteMessage(background, hawser.Text, []byte{0xff}) },
		hawser.ErrOpcode:    func() error { return conn.WriteMessage(background, 8, nil) },
		hawser.ErrTooLarge:  func() error { return conn.Ping(make([]byte, 126)) },
		hawser.ErrCloseCode: func() error { return conn.Close(1006, "") },
		hawser.ErrArgument:  func() error { return conn.Close(1000, "a\x00b") },
	} {
		if got := send(); !errors.Is(got, err) {
			t.Errorf("%v in place of %v", got, err)
		}
	}
	must(t, conn.Ping([]byte("ping")))
	write(t, conn, "still open")
	if text := read(t, conn); text != "still open" {
		t.Error(text)
	}
}

func TestHandshakeDataIsKept(t *testing.T) {
	type seen struct{ path, header, subprotocol string }
	told := make(chan seen, 1)
	listener := serve(t, &hawser.Config{Subprotocols: []string{"chat"}, Header: map[string][]string{"X-Ship": {"Argo"}}},
		func(conn *hawser.Conn) {
			told <- seen{conn.Path(), conn.Header().Get("x-name"), conn.Subprotocol()}
			echo(conn)
		})
	conn := dial(t, listener.URL()+"chat?room=1", &hawser.Config{Subprotocols: []string{"superchat", "chat"},
		Header: map[string][]string{"X-Name": {"Jason"}}})
	if got := <-told; got != (seen{"/chat?room=1", "Jason", "chat"}) {
		t.Errorf("the server saw %v", got)
	}
	if conn.Subprotocol() != "chat" || conn.Header().Get("X-Ship") != "Argo" || conn.PeerAddress() != listener.Address() {
		t.Error("the client saw", conn.Subprotocol(), conn.Header(), conn.PeerAddress())
	}
}

func TestCloseTellsCodeAndReason(t *testing.T) {
	const reason = "Tschüß ⚓"
	ends := make(chan error, 1)
	listener := serve(t, nil, func(conn *hawser.Conn) {
		_, _, err := conn.ReadMessage(background)
		if err == nil {
			err = conn.Close(4001, reason)
		}
		ends <- err
		<-conn.Done()
	})
	conn := dial(t, listener.URL(), nil)
	must(t, conn.Close(1000, reason))
	end := &hawser.CloseError{}
	if err := <-ends; !errors.As(err, &end) || end.Code != 1000 || end.Reason != reason || !end.ByPeer || !end.Clean {
		t.Errorf("%#v", end)
	} else if !errors.Is(err, io.EOF) {
		t.Error(err, "is no end of file")
	}
	<-conn.Done()
	if err := conn.Close(1000, ""); !errors.As(err, &end) {
		t.Error("closed once more:", err)
	}

	conn = dial(t, listener.URL(), nil)
	write(t, conn, "close, please")
	_, _, err := conn.ReadMessage(background)
	if hawser.CloseStatus(err) != 4001 || errors.Is(err, io.EOF) || err != conn.Err() {
		t.Error(err)
	}
	must(t, <-ends)
	if err := conn.WriteMessage(background, hawser.Text, nil); err != conn.Err() {
		t.Error("written after the end:", err)
	}
}

func TestACloseWithoutACodeIsAGoodEnd(t *testing.T) {
	conn := dial(t, serve(t, nil, func(conn *hawser.Conn) { must(t, conn.Close(0, "")) }).URL(), nil)
	if _, _, err := conn.ReadMessage(background); !errors.Is(err, io.EOF) || hawser.CloseStatus(err) != 1005 {
		t.Error(err)
	}
}

func TestWritingAfterCloseFails(t *testing.T) {
	conn := dial(t, serve(t, nil, echo).URL(), nil)
	must(t, conn.Close(0, ""))
	err := conn.WriteMessage(background, hawser.Text, nil)
	if !errors.Is(err, hawser.ErrClosed) && hawser.CloseStatus(err) != 1005 {
		t.Error(err)
	}
}

// What came before the end of a connection is read before it.
func TestMessagesBeforeTheEndAreRead(t *testing.T) {
	conn := dial(t, serve(t, nil, func(conn *hawser.Conn) {
		for i := 0; i < 100; i++ {
			_ = conn.WriteMessage(background, hawser.Text, []byte(fmt.Sprint(i)))
		}
	}).URL(), nil)
	<-conn.Done()
	for i := 0; i < 100; i++ {
		if text := read(t, conn); text != fmt.Sprint(i) {
			t.Fatal(text)
		}
	}
	if _, _, err := conn.ReadMessage(background); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestAContextEndsAReadAndLosesNothing(t *testing.T) {
	const count = 2000
	conn := dial(t, serve(t, nil, func(conn *hawser.Conn) {
		for i := 0; i < count; i++ {
			_ = conn.WriteMessage(background, hawser.Text, []byte(fmt.Sprint(i)))
		}
		<-conn.Done()
	}).URL(), nil)
	for i := 0; i < count; {
		ctx, cancel := context.WithCancel(background)
		go cancel()
		_, data, err := conn.ReadMessage(ctx)
		if errors.Is(err, context.Canceled) {
			continue
		}
		must(t, err)
		if string(data) != fmt.Sprint(i) {
			t.Fatalf("%s in place of %d", data, i)
		}
		i++
	}
}

func TestABlockedReadEndsWithItsContext(t *testing.T) {
	conn := dial(t, serve(t, nil, echo).URL(), nil)
	ctx, cancel := context.WithTimeout(background, time.Millisecond)
	defer cancel()
	if _, _, err := conn.ReadMessage(ctx); err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	write(t, conn, "still there")
	if text := read(t, conn); text != "still there" {
		t.Error(text)
	}
}

func TestAWriteWaitsForRoom(t *testing.T) {
	server := manager(t, nil)
	listener, err := server.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	url := "ws://" + server.LocalAddress(listener) + "/"
	paused := pauseTheFirst(server)
	conn := dial(t, url, &hawser.Config{Options: options(t, map[string]any{"max_send_queue": 1 << 16})})
	id := <-paused

	data, written := make([]byte, 1<<16), 0
	for err = nil; err == nil; written++ {
		ctx, cancel := context.WithTimeout(background, 100*time.Millisecond)
		err = conn.WriteMessage(ctx, hawser.Binary, data)
		cancel()
	}
	if err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	must(t, server.Resume(id))
	arrived := make(chan int)
	go func() { arrived <- countUntilText(server) }()
	write(t, conn, "the last one")
	if got := <-arrived; got != written-1 {
		t.Errorf("%d of %d messages arrived", got, written-1)
	}
}

// Who waits for room is told how the connection has ended. The kernel may have found room just before: then the writer may be between two
// waits, and finds the connection closing.
func TestAWriterThatWaitsIsToldTheEnd(t *testing.T) {
	told := 0
	for i := 0; i < 20; i++ {
		server := manager(t, nil)
		listener, err := server.Listen("ws://127.0.0.1:0/", nil)
		must(t, err)
		url := "ws://" + server.LocalAddress(listener) + "/"
		paused := pauseTheFirst(server)
		conn := dial(t, url, &hawser.Config{Options: options(t, map[string]any{"max_send_queue": 1 << 16})})
		id := <-paused
		ended := make(chan error)
		go func() {
			for {
				if err := conn.WriteMessage(background, hawser.Binary, make([]byte, 1<<20)); err != nil {
					ended <- err
					return
				}
			}
		}()
		for !conn.Waits() {
			runtime.Gosched()
		}
		must(t, server.Abort(id))
		must(t, server.Flush())
		err = <-ended
		if hawser.CloseStatus(err) == 1006 {
			told++
		} else if !errors.Is(err, hawser.ErrClosed) {
			t.Error(err)
		}
	}
	if told == 0 {
		t.Error("nobody was told")
	}
}

func TestAFailedDialSaysWhy(t *testing.T) {
	_, err := hawser.Dial(background, "http://127.0.0.1/", nil)
	if !errors.Is(err, hawser.ErrURL) {
		t.Error(err)
	}
	if _, err = hawser.Dial(background, "ws://127.0.0.1/\x00", nil); !errors.Is(err, hawser.ErrArgument) {
		t.Error(err)
	}
	if _, err = hawser.Dial(background, "ws://127.0.0.1/", &hawser.Config{Subprotocols: []string{"no token"}}); !errors.Is(err,
		hawser.ErrRange) {
		t.Error(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	closed.Close()
	if _, err = hawser.Dial(background, "ws://"+closed.Addr().String()+"/", nil); !errors.Is(err, hawser.ErrConnect) {
		t.Error(err)
	}
	listener := serve(t, &hawser.Config{Options: options(t, map[string]any{"requests": true})}, echo)
	end := &hawser.CloseError{}
	if _, err = hawser.Dial(background, listener.URL(), nil); !errors.As(err, &end) || !errors.Is(err, hawser.ErrHTTP) ||
		end.System != 501 || !strings.Contains(err.Error(), "501") {
		t.Errorf("%v %+v", err, end)
	}
}

func TestAContextEndsADial(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	ctx, cancel := context.WithCancel(background)
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 1)) // it has asked
		}
		cancel()
	}()
	if _, err := hawser.Dial(ctx, "ws://"+silent.Addr().String()+"/", nil); err != context.Canceled {
		t.Error(err)
	}
}

// The loop of outgoing connections, which sleeps, hears of the deadline of a new one whose peer says nothing at all.
func TestADialHasADeadline(t *testing.T) {
	dial(t, serve(t, nil, echo).URL(), nil)
	address := withoutRoom(t)
	time.Sleep(20 * time.Millisecond) // it sleeps by now
	config := &hawser.Config{Options: options(t, map[string]any{"handshake_timeout": 50 * time.Millisecond})}
	begin := time.Now()
	_, err := hawser.Dial(background, "ws://"+address+"/", config)
	if took := time.Since(begin); !errors.Is(err, hawser.ErrTimeout) || took > 5*time.Second {
		t.Error(err, "after", took)
	}
}

// The address of a listener whose queue is full.
func withoutRoom(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	must(t, err)
	address := fmt.Sprint("127.0.0.1:", name.(*syscall.SockaddrInet4).Port)
	for {
		conn, err := net.DialTimeout("tcp", address, 50*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}

func TestTLS(t *testing.T) {
	listener := serveAt(t, "wss://127.0.0.1:0/", &hawser.Config{Options: options(t, map[string]any{
		"tls_certificate": certificate(t, "server.pem"), "tls_key": certificate(t, "server.key")})}, echo)
	if _, err := hawser.Dial(background, listener.URL(), nil); !errors.Is(err, hawser.ErrTLS) {
		t.Error("an unknown authority:", err)
	}
	conn := dial(t, listener.URL(), &hawser.Config{Options: options(t, map[string]any{
		"tls_ca_file": certificate(t, "root.pem")})})
	write(t, conn, "secret")
	if text := read(t, conn); text != "secret" || !strings.HasPrefix(conn.TLS(), "TLSv1.") || conn.TLSSubject() == "" {
		t.Error(text, conn.TLS(), conn.TLSSubject())
	}
	_, err := hawser.Listen("wss://127.0.0.1:0/", &hawser.Config{Options: options(t, map[string]any{
		"tls_certificate": "/no/such/file"})})
	if !errors.Is(err, hawser.ErrTLS) || !strings.Contains(err.Error(), "/no/such/file") {
		t.Error("no certificate:", err)
	}
}

// Reading and writing by many goroutines, on connections of both kinds.
func TestGoroutinesShareConnections(t *testing.T) {
	const connections, writers, messages = 8, 4, 50
	for name, config := range loops(t) {
		url := serve(t, config, echo).URL()
		var all sync.WaitGroup
		for i := 0; i < connections; i++ {
			conn := dial(t, url, nil)
			var once sync.Map
			for j := 0; j < writers; j++ {
				all.Add(2)
				go func(writer int) {
					defer all.Done()
					for k := 0; k < messages; k++ {
						if err := conn.WriteMessage(background, hawser.Text, []byte(fmt.Sprint(writer, k))); err != nil {
							t.Error(name, err)
						}
					}
				}(j)
				go func() {
					defer all.Done()
					for k := 0; k < messages; k++ {
						_, data, err := conn.ReadMessage(background)
						if _, twice := once.LoadOrStore(string(data), true); err != nil || twice {
							t.Error(name, string(data), twice, err)
						}
					}
				}()
			}
		}
		all.Wait()
	}
}
