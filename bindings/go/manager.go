package hawser

// #include "batch.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Manager holds connections and listeners and is polled for what happens to them: hawser.h in Go. Its promises hold
// here as there.
//
// Send, Close and Wake may be called by any goroutine at any time, during a Poll as well. All other calls may come from
// any goroutine; during a Poll they return ErrBusy (or "", where they return no error), otherwise one waits for the other.
// After Free all return ErrArgument.
//
// What hawser.h says of threads is about OS threads, and Go moves goroutines between those. The library takes what comes
// from another thread than the last Poll with some more effort, and behind an unfinished message of SendPart. So let the
// goroutine that polls call runtime.LockOSThread first.
type Manager struct {
	life    sync.RWMutex // held for reading by every call, so that Free waits for them
	dying   atomic.Bool
	handle  *C.hws_manager
	entries *[C.HAWSER_GO_BATCH]C.hawser_go_entry
	calls   sync.Mutex // held by the calls that the library lets in one at a time, and while polling changes
	polling bool
}

// NewManager makes a manager with these defaults for all its connections; nil: the library's. It has to be freed.
func NewManager(options *Options) (*Manager, error) {
	defer options.unlock()
	handle := C.hws_manager_new(options.lock())
	if handle == nil {
		return nil, &Error{ErrNoMemory, "out of memory or descriptors"}
	}
	return &Manager{handle: handle, entries: newEntries()}, nil
}

// Free ends every connection and listener, without events and without Close frames. It waits for the calls of other
// goroutines, a Poll included, which it wakes. A second one does nothing.
func (m *Manager) Free() {
	m.dying.Store(true)
	_ = m.Wake()
	m.life.Lock()
	defer m.life.Unlock()
	C.hws_manager_free(m.handle)
	C.free(unsafe.Pointer(m.entries))
	m.handle, m.entries = nil, nil
}

// Any call: until leave, the manager is not freed.
func (m *Manager) enter() error {
	m.life.RLock()
	if m.handle == nil {
		m.life.RUnlock()
		return errFreed
	}
	return nil
}

func (m *Manager) leave() { m.life.RUnlock() }

// The other calls: until leaveAlone, no other of them takes place, and last_error is about this one. That is told to the
// calling thread, so the goroutine stays on it.
func (m *Manager) enterAlone() error {
	if err := m.enter(); err != nil {
		return err
	}
	m.calls.Lock()
	if m.polling {
		m.calls.Unlock()
		m.leave()
		return ErrBusy
	}
	runtime.LockOSThread()
	return nil
}

func (m *Manager) leaveAlone() {
	runtime.UnlockOSThread()
	m.calls.Unlock()
	m.leave()
}

// The error of the call that was just made alone.
func (m *Manager) failure(result C.int64_t) error {
	if result >= 0 {
		return nil
	}
	return &Error{ErrorCode(result), C.GoString(C.hws_manager_last_error(m.handle))}
}

func (m *Manager) alone(call func(*C.hws_manager) C.int64_t) (int64, error) {
	if err := m.enterAlone(); err != nil {
		return 0, err
	}
	defer m.leaveAlone()
	result := call(m.handle)
	if err := m.failure(result); err != nil {
		return 0, err
	}
	return int64(result), nil
}

// As alone, with an argument that is a text.
func (m *Manager) aloneWithText(text string, call func(*C.hws_manager, *C.char) C.int64_t) (int64, error) {
	c, err := cString(text)
	if err != nil {
		return 0, err
	}
	defer free(c)
	return m.alone(func(handle *C.hws_manager) C.int64_t { return call(handle, c) })
}

// Listen listens at a ws:// or wss:// URL; port 0 takes a free one, which LocalAddress tells. ErrURL, ErrListen,
// ErrLimit, ErrTLS, ErrState, ErrSystem, ErrNoMemory.
func (m *Manager) Listen(url string, options *Options) (ID, error) {
	id, err := m.aloneWithText(url, func(handle *C.hws_manager, url *C.char) C.int64_t {
		defer options.unlock()
		return C.hws_manager_listen(handle, url, options.lock())
	})
	return ID(id), err
}

// Connect starts to connect to a ws:// or wss:// URL; an open or a close event follows. ErrURL, ErrLimit, ErrTLS,
// ErrState, ErrNoMemory.
func (m *Manager) Connect(url string, options *Options) (ID, error) {
	id, err := m.aloneWithText(url, func(handle *C.hws_manager, url *C.char) C.int64_t {
		defer options.unlock()
		return C.hws_manager_connect(handle, url, options.lock())
	})
	return ID(id), err
}

// Poll sends what is queued, and waits for events: for as long as timeout says, rounded up to milliseconds; for ever if
// it is negative. No events: the time is up, or Wake was called. It blocks an OS thread meanwhile. ErrBusy: another
// goroutine is inside Poll. ErrSystem, ErrNoMemory.
func (m *Manager) Poll(timeout time.Duration) ([]Event, error) {
	if err := m.enterAlone(); err != nil {
		return nil, err
	}
	defer m.leaveAlone()
	if m.dying.Load() {
		return nil, errFreed
	}
	m.polling = true
	m.calls.Unlock()
	count := C.hawser_go_poll(m.handle, milliseconds(timeout), &m.entries[0])
	events := m.copyEvents(int(count))
	m.calls.Lock()
	m.polling = false
	return events, m.failure(C.int64_t(count))
}

func (m *Manager) copyEvents(count int) []Event {
	if count <= 0 {
		return nil
	}
	events := make([]Event, count)
	for i := range events {
		place := i % len(m.entries)
		if i > 0 && place == 0 {
			C.hawser_go_events(m.handle, C.int32_t(i), &m.entries[0])
		}
		events[i] = newEvent(&m.entries[place])
	}
	return events
}

// Flush sends now what the next Poll would send, as far as the kernel takes it.
func (m *Manager) Flush() error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t { return C.int64_t(C.hws_manager_flush(handle)) })
	return err
}

// Wake makes a Poll that waits, or else the next one, return. Any goroutine, at any time.
func (m *Manager) Wake() error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	return check(C.hws_manager_wake(m.handle))
}

// FD is a descriptor for an outer loop: readable while anything is left to do. It stays the manager's: duplicate it
// before you give it to package os. ErrUnsupported: the system or the option "backend" has none.
func (m *Manager) FD() (int, error) {
	fd, err := m.alone(func(handle *C.hws_manager) C.int64_t { return C.hws_manager_fd(handle) })
	return int(fd), err
}

// Drain ends everything in good order: it stops listening and closes the open connections with 1001, spread over three
// quarters of the deadline, at which what is left is cut off; negative: all at once, and nothing is cut off. Go on
// polling until Stat("connections") is 0.
func (m *Manager) Drain(deadline time.Duration) error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		return C.int64_t(C.hws_manager_drain(handle, milliseconds(deadline)))
	})
	return err
}

// ReloadTLS takes new certificates for a wss:// listener; nil: from the manager's options. If something is wrong with
// them it returns ErrTLS, and the old ones stay.
func (m *Manager) ReloadTLS(listener ID, options *Options) error {
	_, err := m.alone(func(handle *C.hws_manager) C.int64_t {
		defer options.unlock()
		return C.int64_t(C.hws_manager_reload_tls(handle, C.hws_id(listener), options.lock()))
	})
	return err
}

// Stat is a counter of the manager; docs/reference/counters.md and [StatList] have their names. ErrOption: there is none of this
// name.
func (m *Manager) Stat(name string) (int64, error) {
	return m.aloneWithText(name, func(handle *C.hws_manager, name *C.char) C.int64_t {
		return C.hws_manager_stat(handle, name)
	})
}
