package hawser

import (
	"bytes"
	"context"
	"runtime"
	"testing"
)

// An inbox with many items in it does not move them all for each that comes and goes, and does not keep their room.
func TestAFullInboxStaysWhereItIs(t *testing.T) {
	const count = 10000
	q := newInbox(2*count, func(int) int { return 1 }, nil)
	for i := 0; i < count; i++ {
		q.put(i)
	}
	moves, first := 0, 0
	for i := 0; i < count; i++ {
		if item, _, _ := q.tryTake(); item != i {
			t.Fatal(item)
		}
		if q.put(count + i); q.first < first {
			moves++
		}
		first = q.first
	}
	if moves > 3 {
		t.Error(moves, "times everything was moved")
	}
	for i := 0; i < count; i++ {
		if item, _, _ := q.tryTake(); item != count+i {
			t.Fatal(item)
		}
	}
	if cap(q.items) > maxKept {
		t.Error("an empty inbox has room for", cap(q.items))
	}
}

// Who does not read is not sent more than fits: the peer has to wait. In the end all of it arrives.
func TestAReaderThatLagsIsPaused(t *testing.T) {
	const (
		size, count = 1 << 16, 1024
		readBuffer  = 4 * size
		batch       = 1 << 20 // what may come before the pause takes effect
	)
	options := &Options{}
	for _, name := range []string{"max_batch_bytes", "receive_arena"} {
		if err := options.Set(name, batch); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := Listen("ws://127.0.0.1:0/", &Config{ReadBuffer: readBuffer, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := Dial(context.Background(), listener.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	go func() {
		for i := 0; i < count; i++ {
			_ = client.WriteMessage(context.Background(), Binary, bytes.Repeat([]byte{byte(i)}, size))
		}
	}()
	server, err := listener.Accept(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	state := func() (held int, shut bool) {
		server.inbox.mutex.Lock()
		defer server.inbox.mutex.Unlock()
		return server.inbox.held, server.inbox.shut
	}
	for shut := false; !shut; _, shut = state() {
		runtime.Gosched()
	}
	for i := 0; i < count; i++ {
		if held, _ := state(); held > readBuffer+3*batch {
			t.Fatalf("%d bytes wait", held)
		}
		_, data, err := server.ReadMessage(context.Background())
		if err != nil || len(data) != size || data[0] != byte(i) || data[size-1] != byte(i) {
			t.Fatal(i, len(data), err)
		}
	}
}
