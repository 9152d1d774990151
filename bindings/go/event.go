package hawser

// #include "batch.h"
import "C"

import (
	"math"
	"time"
	"unsafe"
)

// An ID names a connection or a listener. It is never used again for another one. 0 names none.
type ID int64

// EventKind says what happened.
type EventKind int32

// Ignore kinds that you do not know: later versions may add some.
const (
	EventOpen    EventKind = C.HWS_EVENT_OPEN    // the handshake is done: sends are accepted from here on
	EventMessage EventKind = C.HWS_EVENT_MESSAGE // a message, or with the option "parts" a part of one
	EventDrain   EventKind = C.HWS_EVENT_DRAIN   // the send queue is down to a quarter after ErrWouldBlock
	EventClose   EventKind = C.HWS_EVENT_CLOSE   // the last event of an id
	EventRequest EventKind = C.HWS_EVENT_REQUEST // with the option "requests": to be answered by Accept or Respond
	EventPong    EventKind = C.HWS_EVENT_PONG    // with the option "pongs": the answer to a Ping
)

// Opcode is the kind of a message, as on the wire.
type Opcode int32

const (
	Text   Opcode = C.HWS_TEXT
	Binary Opcode = C.HWS_BINARY

	// Uncompressed may be or-ed to the opcode of a send: this message is not compressed, whatever was agreed on.
	Uncompressed Opcode = C.HWS_UNCOMPRESSED
)

// EventFlags of an [Event].
type EventFlags uint32

const (
	First      EventFlags = C.HWS_FIRST      // message: begins one
	Final      EventFlags = C.HWS_FINAL      // message: ends one; a whole one is both
	ByPeer     EventFlags = C.HWS_BY_PEER    // close: the peer ended it, or could not be reached
	Clean      EventFlags = C.HWS_CLEAN      // close: both Close frames were exchanged
	Compressed EventFlags = C.HWS_COMPRESSED // message: came compressed
	Upgrade    EventFlags = C.HWS_UPGRADE    // request: a WebSocket handshake; else plain HTTP, only to be responded to
)

// An Event is yours: nothing in it changes with the next poll.
type Event struct {
	Kind       EventKind
	Opcode     Opcode     // message
	Connection ID         // in the close of a listener: the listener's
	Listener   ID         // the one that accepted the connection; 0 for an outgoing one
	Tag        int64      // yours: SetTag
	Data       []byte     // message, or the pong's payload, or the peer's close reason
	Code       int        // close: the peer's code, 1005 none given, 1006 no Close frame came; drain: broadcasts skipped
	Error      ErrorCode  // close: 0, or what ended the connection
	System     int        // close: errno or HTTP status, as Error says
	Flags      EventFlags //
	Words      string     // close: which layer ended it and why, in English
}

// Text is Data as a string.
func (e *Event) Text() string { return string(e.Data) }

func newEvent(entry *C.hawser_go_entry) Event {
	event := entry.event
	return Event{Kind: EventKind(event.kind), Opcode: Opcode(event.opcode), Connection: ID(event.connection),
		Listener: ID(event.listener), Tag: int64(event.tag), Data: append([]byte(nil), borrowed(event)...),
		Code: int(event.code), Error: ErrorCode(event.error), System: int(event.system), Flags: EventFlags(event.flags),
		Words: C.GoString(entry.text)}
}

// The library's own bytes, until the next poll.
func borrowed(event *C.hws_event) []byte { return unsafe.Slice((*byte)(event.data), int(event.size)) }

// The memory that entries are told in: C's, as it holds pointers of C.
func newEntries() *[C.HAWSER_GO_BATCH]C.hawser_go_entry {
	return (*[C.HAWSER_GO_BATCH]C.hawser_go_entry)(C.calloc(C.HAWSER_GO_BATCH, C.sizeof_hawser_go_entry))
}

// Negative: for ever. Rounded up, so that nobody wakes before the time and spins.
func wholeMilliseconds(duration time.Duration) int64 {
	if duration < 0 {
		return -1
	}
	count := int64(duration / time.Millisecond)
	if duration%time.Millisecond > 0 {
		count++
	}
	return count
}

func milliseconds(duration time.Duration) C.int32_t {
	count := wholeMilliseconds(duration)
	if count > math.MaxInt32 {
		count = math.MaxInt32
	}
	return C.int32_t(count)
}
