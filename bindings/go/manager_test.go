package hawser_test

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"hawser.org/hawser"
)

// Two ends of a connection in a manager whose batches have one event.
func connected(t *testing.T, m *hawser.Manager) (client, server hawser.ID) {
	t.Helper()
	listener, err := m.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	client, err = m.Connect("ws://"+m.LocalAddress(listener)+"/", nil)
	must(t, err)
	for opened := 0; opened < 2; opened++ {
		if event := until(m, hawser.EventOpen); event.Connection != client {
			server = event.Connection
		}
	}
	return client, server
}

// A payload may lie beside pointers, as a buffer of a pool does.
type pooled struct {
	next   *pooled
	buffer [64]byte
}

func inAnObject(text string) []byte {
	object := &pooled{next: &pooled{}}
	return object.buffer[:copy(object.buffer[:], text)]
}

func TestPayloadsBesidePointers(t *testing.T) {
	m := manager(t, options(t, map[string]any{"max_events": 1, "pongs": true}))
	client, server := connected(t, m)
	must(t, m.Send(client, hawser.Text, inAnObject("whole")))
	must(t, m.SendPart(client, hawser.Text, inAnObject("part"), true))
	must(t, m.Ping(client, inAnObject("ping")))
	_, err := m.Broadcast(server, 0, hawser.Text, inAnObject("all"))
	if !errors.Is(err, hawser.ErrStale) {
		t.Error(err)
	}
	if err := m.Respond(client, 200, nil, inAnObject("body")); !errors.Is(err, hawser.ErrState) {
		t.Error(err)
	}
	for _, text := range []string{"whole", "part"} {
		if event := until(m, hawser.EventMessage); event.Text() != text {
			t.Error(event.Text())
		}
	}
	if event := until(m, hawser.EventPong); event.Text() != "ping" {
		t.Error(event.Text())
	}
}

// So that until loses none.
func one(t *testing.T) *hawser.Options { return options(t, map[string]any{"max_events": 1}) }

func TestEventsAreTheReceivers(t *testing.T) {
	m := manager(t, one(t))
	client, server := connected(t, m)
	all := bytes.Repeat([]byte{0, 1, 127, 128, 255}, 1000)
	must(t, m.Send(client, hawser.Binary, all))
	first := until(m, hawser.EventMessage)
	for i := 0; i < 10; i++ {
		must(t, m.Send(client, hawser.Text, []byte("Grüße\x00")))
		if event := until(m, hawser.EventMessage); event.Text() != "Grüße\x00" || event.Connection != server {
			t.Fatal(event)
		}
		runtime.GC()
	}
	if !bytes.Equal(first.Data, all) {
		t.Error("an earlier event has changed")
	}
}

func TestErrorsHaveCodesNamesAndWords(t *testing.T) {
	m := manager(t, nil)
	_, err := m.Listen("ws://example.org/", nil)
	var detail *hawser.Error
	if !errors.As(err, &detail) || !errors.Is(err, hawser.ErrURL) || detail.Code() != -8 || detail.Name() != "HWS_ERR_URL" ||
		!strings.Contains(err.Error(), detail.Words) || detail.Words == "" {
		t.Errorf("%#v", err)
	}
	if hawser.ErrStale.Name() != "HWS_ERR_STALE" || hawser.ErrorCode(0).Name() != "HWS_OK" {
		t.Error(hawser.ErrStale)
	}
	for i, err := range []error{m.Send(1, hawser.Text, nil), m.Close(12345, 1000, ""), m.Pause(-1), m.Ping(0, nil)} {
		if !errors.Is(err, hawser.ErrStale) {
			t.Error(i, err)
		}
	}
	if path, status := m.Path(1), m.Status(1); path != "" || status != "" {
		t.Error(path, status)
	}
	if _, found := m.Header(1, "Host", 0); found {
		t.Error("a header of nobody")
	}
	if _, err := m.Stat("no such counter"); !errors.Is(err, hawser.ErrOption) {
		t.Error(err)
	}
}

func TestTextsWithNULAreRefused(t *testing.T) {
	m, o := manager(t, nil), &hawser.Options{}
	_, listen := m.Listen("ws://127.0.0.1:0/\x00", nil)
	_, connect := m.Connect("ws://127.0.0.1:1/\x00", nil)
	_, stat := m.Stat("connections\x00")
	for i, err := range []error{listen, connect, stat, m.Close(1, 1000, "\x00"), m.Accept(1, "a\x00", nil),
		o.Set("origin\x00", "x"), o.Set("origin", "\x00"), o.AddHeader("a", "b\x00"), o.AddCertificate("\x00", "", "")} {
		if !errors.Is(err, hawser.ErrArgument) || !strings.Contains(err.Error(), "NUL") {
			t.Error(i, err)
		}
	}
}

// Numbers that do not fit into the library's must not become others that do.
func TestNumbersOutOfRange(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("int has 32 bits")
	}
	m := manager(t, one(t))
	client, _ := connected(t, m)
	wide := 1 << 32
	if err := m.Close(client, wide+1000, ""); !errors.Is(err, hawser.ErrCloseCode) {
		t.Error(err)
	}
	if _, found := m.HeaderAt(client, wide); found {
		t.Error("a header out of range")
	}
	if events, err := m.Poll(0); err != nil || len(events) > 1 {
		t.Error(events, err)
	}
}

func TestOptions(t *testing.T) {
	o := &hawser.Options{}
	for name, value := range map[string]any{"max_events": 10, "max_message_size": int64(1 << 40), "parts": true,
		"origin": "https://example.org", "ping_interval": 5 * time.Second} {
		must(t, o.Set(name, value))
	}
	for _, duration := range []time.Duration{time.Microsecond, -time.Second} { // a millisecond; without limit
		must(t, o.Set("close_timeout", duration))
	}
	for value, code := range map[any]error{"text": hawser.ErrOption, 0: hawser.ErrRange, 1.5: hawser.ErrArgument} {
		if err := o.Set("max_events", value); !errors.Is(err, code) {
			t.Error(value, err)
		}
	}
	if err := (*hawser.Options)(nil).Set("max_events", 1); !errors.Is(err, hawser.ErrArgument) {
		t.Error(err)
	}
	if err := o.AddHeader("Host", "x"); !errors.Is(err, hawser.ErrHeader) {
		t.Error(err)
	}
	kinds := map[string]hawser.OptionKind{}
	for _, option := range hawser.OptionList() {
		kinds[option.Name] = option.Kind
	}
	if kinds["max_events"] != hawser.OptionInt || kinds["parts"] != hawser.OptionFlag || kinds["origin"] != hawser.OptionText {
		t.Error(kinds)
	}
	if len(hawser.StatList()) == 0 || hawser.StatList()[0].Name != "connections" {
		t.Error(hawser.StatList())
	}
}

func TestOptionsArePartOfAnObject(t *testing.T) {
	application := &struct {
		name    string
		options hawser.Options
	}{name: "with options"}
	must(t, application.options.Set("max_events", 5))
	manager(t, &application.options)
}

// Options that are forgotten are collected, and what used them goes on.
func TestOptionsAreCollected(t *testing.T) {
	m := manager(t, one(t))
	for i := 0; i < 1000; i++ {
		o := options(t, map[string]any{"subprotocols": "chat", "max_events": 5})
		if i%100 == 0 {
			_, err := m.Listen("ws://127.0.0.1:0/", o)
			must(t, err)
		}
	}
	runtime.GC()
	runtime.GC()
	connected(t, m)
}

func TestAFreedManagerAnswers(t *testing.T) {
	m, err := hawser.NewManager(nil)
	must(t, err)
	m.Free()
	m.Free()
	_, poll := m.Poll(0)
	_, fd := m.FD()
	for i, err := range []error{poll, fd, m.Send(1, hawser.Text, nil), m.Wake(), m.Flush(), m.Abort(1), (&hawser.Manager{}).Wake()} {
		if !errors.Is(err, hawser.ErrArgument) {
			t.Error(i, err)
		}
	}
	if m.Path(1) != "" {
		t.Error("a path")
	}
}

// Free waits for the calls that are in progress, whoever makes them.
func TestFreeAmidCalls(t *testing.T) {
	for i := 0; i < 50; i++ {
		m, err := hawser.NewManager(nil)
		must(t, err)
		var all sync.WaitGroup
		for _, call := range []func() error{
			func() error { _, err := m.Poll(-1); return err },
			func() error { return m.Send(1, hawser.Text, []byte("x")) },
			func() error { _, err := m.Stat("connections"); return err },
			m.Wake,
		} {
			all.Add(1)
			go func(call func() error) {
				defer all.Done()
				for !errors.Is(call(), hawser.ErrArgument) {
				}
			}(call)
		}
		runtime.Gosched()
		m.Free()
		all.Wait()
	}
}

func TestCallsDuringAPoll(t *testing.T) {
	m := manager(t, one(t))
	client, server := connected(t, m)
	polled := make(chan hawser.Event)
	go func() { polled <- until(m, hawser.EventMessage) }()
	for !errors.Is(m.Flush(), hawser.ErrBusy) {
		runtime.Gosched()
	}
	must(t, m.Send(client, hawser.Text, []byte("from elsewhere")))
	if event := <-polled; event.Text() != "from elsewhere" || event.Connection != server {
		t.Error(event)
	}
}

func TestTheLongestTimeoutIsNone(t *testing.T) {
	for _, timeout := range []time.Duration{-1, math.MaxInt64, math.MaxInt64 - 1, 1 << 52} {
		m := manager(t, nil)
		must(t, m.Wake()) // the poll that comes next
		_, err := m.Poll(timeout)
		must(t, err)
	}
}

func TestABatchLargerThanItsEntries(t *testing.T) {
	const count = 2000
	m := manager(t, options(t, map[string]any{"max_events": count, "receive_arena": 1 << 20}))
	listener, err := m.Listen("ws://127.0.0.1:0/", nil)
	must(t, err)
	client, err := m.Connect("ws://"+m.LocalAddress(listener)+"/", nil)
	must(t, err)
	for opened := 0; opened < 2; {
		events, err := m.Poll(-1)
		must(t, err)
		opened += len(events)
	}
	for i := 0; i < count; i++ {
		must(t, m.Send(client, hawser.Binary, []byte{byte(i), byte(i >> 8)}))
	}
	must(t, m.Flush())
	largest, seen := 0, 0
	for seen < count {
		events, err := m.Poll(-1)
		must(t, err)
		if len(events) > largest {
			largest = len(events)
		}
		for _, event := range events {
			if !bytes.Equal(event.Data, []byte{byte(seen), byte(seen >> 8)}) {
				t.Fatal(seen, event.Data)
			}
			seen++
		}
	}
	if largest <= 256 {
		t.Error("no batch was large:", largest)
	}
}
