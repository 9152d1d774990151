package hawser

// #include "batch.h"
import "C"

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// A loop drives a manager for Conns and Listeners, and ends with its listener and its last connection. Its mutex makes
// every call of the library one of a single thread at a time, as promise 6 asks for: whoever holds it polls, or sends.
//
// Its goroutine sleeps in Go's own poller, on the manager's descriptor: that blocks no OS thread, and who sends meanwhile
// flushes as well. Where there is no such descriptor it waits inside the library, with the mutex held and a thread of its
// own, and whoever wants the mutex wakes it.
type loop struct {
	mutex       sync.Mutex
	handle      *C.hws_manager // nil: it has ended
	entries     *[C.HAWSER_GO_BATCH]C.hawser_go_entry
	connections map[ID]*Conn
	listener    *Listener // nil: of outgoing connections
	asleep      bool      // in Go's poller: calls are followed by a flush
	ended       chan struct{}

	hasThread bool
	wanted    atomic.Int32 // goroutines that want the mutex of a loop with a thread
	waking    sync.Mutex
	waits     bool // with waking held: inside the library

	// The goroutine's own.
	file    *os.File                 // nil: it has a thread
	targets [C.HAWSER_GO_BATCH]*Conn // whom the entries are about
	scratch []byte                   // the payload that a handler is shown
}

func newLoop(options *Options) (*loop, error) {
	options = options.clone()
	if err := options.Set("outer_flush", true); err != nil {
		return nil, err
	}
	defer options.unlock()
	handle := C.hws_manager_new(options.lock())
	if handle == nil {
		return nil, &Error{ErrNoMemory, "out of memory or descriptors"}
	}
	l := &loop{handle: handle, connections: map[ID]*Conn{}, ended: make(chan struct{})}
	if err := l.openFile(); err != nil {
		C.hws_manager_free(handle)
		return nil, err
	}
	l.entries = newEntries()
	return l, nil
}

// Go's poller wants a descriptor of its own.
func (l *loop) openFile() error {
	fd := C.hws_manager_fd(l.handle)
	if l.hasThread = fd == C.HWS_ERR_UNSUPPORTED; l.hasThread {
		return nil
	}
	if fd < 0 {
		return l.failure(fd)
	}
	own, err := duplicate(int(fd))
	if err != nil {
		return err
	}
	l.file = os.NewFile(uintptr(own), "hawser")
	return nil
}

func duplicate(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	own, err := syscall.Dup(fd)
	if err != nil {
		return 0, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(own)
	return own, syscall.SetNonblock(own, true)
}

// To be begun when there is a connection or listener: without any the loop ends.
func (l *loop) run() {
	if l.hasThread {
		runtime.LockOSThread()
		for ended := false; !ended; {
			_, ended = l.turn(-1)
		}
		return
	}
	raw, err := l.file.SyscallConn()
	if err == nil {
		err = raw.Read(func(uintptr) bool { return l.turnUntilAsleep() })
	}
	if err != nil {
		panic("hawser: " + err.Error()) // the descriptor is ours, and nobody closes it
	}
	l.file.Close()
}

// Go's poller is edge-triggered: until nothing is left to do. True when the loop has ended.
func (l *loop) turnUntilAsleep() bool {
	for {
		if count, ended := l.turn(0); count == 0 {
			return ended
		}
	}
}

// Until the next attempt, when the system had no memory for a poll.
const shortOfMemory = 10 * time.Millisecond

// Polls once and tells what there is.
func (l *loop) turn(timeout C.int32_t) (count int, ended bool) {
	count, ended = l.poll(timeout)
	if count < 0 {
		time.Sleep(shortOfMemory)
	}
	if l.wanted.Load() > 0 {
		runtime.Gosched()
	}
	for first := 0; first < count; first += len(l.entries) {
		l.take(first, count)
	}
	return count, ended
}

func (l *loop) poll(timeout C.int32_t) (count int, ended bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.connections) == 0 && (l.listener == nil || l.listener.id == 0) {
		l.finish()
		return 0, true
	}
	if timeout != 0 {
		return l.wait(timeout), false
	}
	count = int(C.hawser_go_poll(l.handle, 0, &l.entries[0]))
	l.asleep = count == 0
	return count, false
}

// Who has wanted the mutex before is seen here; who wants it later sees that we wait.
func (l *loop) wait(timeout C.int32_t) int {
	l.setWaits(true)
	if l.wanted.Load() > 0 {
		timeout = 0
	}
	count := C.hawser_go_poll(l.handle, timeout, &l.entries[0])
	l.setWaits(false)
	return int(count)
}

func (l *loop) setWaits(waits bool) {
	l.waking.Lock()
	l.waits = waits
	l.waking.Unlock()
}

func (l *loop) lock() {
	if !l.hasThread {
		l.mutex.Lock()
		return
	}
	l.wanted.Add(1)
	l.waking.Lock()
	if l.waits {
		C.hws_manager_wake(l.handle)
	}
	l.waking.Unlock()
	l.mutex.Lock()
	l.wanted.Add(-1)
}

func (l *loop) finish() {
	C.hws_manager_free(l.handle)
	C.free(unsafe.Pointer(l.entries))
	l.handle, l.entries = nil, nil
	close(l.ended)
}

// The events from first on for which there are entries.
func (l *loop) take(first, count int) {
	entries := l.note(first, count)
	wakes := false
	for i := range entries {
		if target := l.targets[i]; target != nil {
			wakes = target.tell(&entries[i]) || wakes
		}
		l.targets[i] = nil
	}
	if wakes {
		runtime.Gosched() // so that the answers leave with the next poll
	}
}

// What needs the mutex of an event, before anybody is told.
func (l *loop) note(first, count int) []C.hawser_go_entry {
	l.lock()
	defer l.mutex.Unlock()
	if first > 0 {
		C.hawser_go_events(l.handle, C.int32_t(first), &l.entries[0])
	}
	entries := l.entries[:]
	if count-first < len(entries) {
		entries = entries[:count-first]
	}
	for i := range entries {
		l.targets[i] = l.target(&entries[i])
	}
	return entries
}

func (l *loop) target(entry *C.hawser_go_entry) *Conn {
	event := entry.event
	id := ID(event.connection)
	conn := l.connections[id]
	switch event.kind {
	case C.HWS_EVENT_OPEN:
		if conn == nil {
			conn = l.accept(id)
		}
		conn.readHandshake(l.handle)
	case C.HWS_EVENT_DRAIN:
		conn.letWrite()
	case C.HWS_EVENT_REQUEST:
		C.hawser_go_respond(l.handle, event.connection, 501, nil, nil, 0)
	case C.HWS_EVENT_CLOSE:
		if conn == nil {
			l.listener.forget(id)
			break
		}
		delete(l.connections, id)
		conn.err = newCloseError(entry)
		conn.letWrite()
	}
	return conn
}

func (l *loop) accept(id ID) *Conn {
	conn := newConn(l, id, l.listener.config)
	l.connections[id] = conn
	return conn
}

// Runs call if the loop has not ended. What it answers is not heeded: where the id has closed, its end is under way.
func (l *loop) do(call func(*C.hws_manager)) {
	l.lock()
	defer l.mutex.Unlock()
	if l.handle != nil {
		call(l.handle)
		l.flushIfAsleep()
	}
}

// What a call leaves to do, the next poll does; but nothing else brings that about (outer_flush).
func (l *loop) flushIfAsleep() {
	if l.asleep {
		C.hws_manager_flush(l.handle)
	}
}

// Of the call that was just made. The mutex is held, so its words are still there.
func (l *loop) failure(result C.int64_t) error {
	return &Error{ErrorCode(result), C.GoString(C.hws_manager_last_error(l.handle))}
}

// The gate of an inbox that is filled by this id.
func (l *loop) gate(id ID) func(open bool) {
	return func(open bool) {
		l.do(func(handle *C.hws_manager) {
			if open {
				C.hws_manager_resume(handle, C.hws_id(id))
			} else {
				C.hws_manager_pause(handle, C.hws_id(id))
			}
		})
	}
}
