// Package hawser is WebSocket (RFC 6455), client and server, by libhawser.
//
// It has two layers. [Dial], [Listen] and [Conn] are for goroutines: calls that block, contexts, errors.
// [Manager] is the C library as it is: it is polled for events. docs/languages/go.md is the guide to both.
package hawser

// #cgo pkg-config: hawser
// #include "batch.h"
import "C"

import (
	"math"
	"strings"
	"unsafe"
)

// Version is that of libhawser: "0.1.0".
func Version() string { return C.GoString(C.hws_version()) }

// The parts of the library that take strings take them with a NUL at the end. nil is "".
func cString(text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, errNUL
	}
	return C.CString(text), nil
}

func free(text *C.char) { C.free(unsafe.Pointer(text)) }

// The start of data, and its size.
func payload(data []byte) (*C.uint8_t, C.size_t) {
	if len(data) == 0 {
		return nil, 0
	}
	return (*C.uint8_t)(&data[0]), C.size_t(len(data))
}

func boolean(value bool) C.int32_t {
	if value {
		return 1
	}
	return 0
}

// What does not fit is as far out of range there as here.
func number(value int) C.int32_t {
	if value < math.MinInt32 || value > math.MaxInt32 {
		return math.MinInt32
	}
	return C.int32_t(value)
}
