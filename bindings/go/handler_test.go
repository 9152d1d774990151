package hawser_test

import (
	"errors"
	"fmt"
	"testing"

	"hawser.org/hawser"
)

// Everything that happens to a connection, by a client and a server that have nothing but handlers.
func TestAHandlerIsToldEverything(t *testing.T) {
	told := make(chan string, 100)
	tell := func(role string) *hawser.Handler {
		return &hawser.Handler{
			Open:    func(conn *hawser.Conn) { told <- role + " open" },
			Message: func(conn *hawser.Conn, opcode hawser.Opcode, data []byte) { told <- role + " " + string(data) },
			Close: func(conn *hawser.Conn, err error) {
				told <- fmt.Sprint(role, " close ", hawser.CloseStatus(err), " ", err == conn.Err())
			},
		}
	}
	expect := func(texts ...string) {
		t.Helper()
		left := map[string]bool{}
		for _, text := range texts {
			left[text] = true
		}
		for range texts {
			if text := <-told; !left[text] {
				t.Fatalf("%q in place of %v", text, left)
			}
		}
	}
	accepted := make(chan *hawser.Conn, 1)
	server := tell("server")
	open := server.Open
	server.Open = func(conn *hawser.Conn) {
		open(conn)
		conn.Value = "mine"
		accepted <- conn
	}
	conn := dial(t, serve(t, &hawser.Config{Handler: server}, nil).URL(), &hawser.Config{Handler: tell("client")})
	expect("server open", "client open")
	write(t, conn, "from another goroutine")
	expect("server from another goroutine")
	peer := <-accepted
	if peer.Value != "mine" {
		t.Error(peer.Value)
	}
	write(t, peer, "back")
	expect("client back")
	must(t, peer.Close(4000, ""))
	expect("server close 4000 true", "client close 4000 true")
}

// A connection with a handler is told to wait, and when to go on.
func TestAHandlerIsToldToWait(t *testing.T) {
	drained := make(chan *hawser.Conn, 1)
	config := &hawser.Config{Options: options(t, map[string]any{"max_send_queue": 1 << 16}),
		Handler: &hawser.Handler{Drain: func(conn *hawser.Conn) { drained <- conn }}}
	server := manager(t, nil)
	listener, err := server.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	url := "ws://" + server.LocalAddress(listener) + "/"
	paused := pauseTheFirst(server)
	conn := dial(t, url, config)
	id := <-paused
	data := make([]byte, 1<<16)
	for err = nil; err == nil; {
		err = conn.WriteMessage(background, hawser.Binary, data)
	}
	if !errors.Is(err, hawser.ErrWouldBlock) {
		t.Fatal(err)
	}
	must(t, server.Resume(id))
	arrived := make(chan int)
	go func() { arrived <- countUntilText(server) }()
	if <-drained != conn {
		t.Error("another connection")
	}
	write(t, conn, "the last one")
	<-arrived
}

// A handler that writes to another connection of the same loop.
func TestAHandlerWritesToOthers(t *testing.T) {
	var everybody []*hawser.Conn // the loop's goroutine alone sees it
	listener := serve(t, &hawser.Config{Handler: &hawser.Handler{
		Open: func(conn *hawser.Conn) { everybody = append(everybody, conn) },
		Message: func(conn *hawser.Conn, opcode hawser.Opcode, data []byte) {
			for _, other := range everybody {
				_ = other.WriteMessage(background, opcode, data)
			}
		}}}, nil)
	var conns []*hawser.Conn
	for i := 0; i < 20; i++ {
		conns = append(conns, dial(t, listener.URL(), nil))
	}
	write(t, conns[0], "to all")
	for _, conn := range conns {
		if text := read(t, conn); text != "to all" {
			t.Error(text)
		}
	}
}
