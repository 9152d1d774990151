package hawser

// #include "batch.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
)

// An ErrorCode is the number of an error of the library, and an error itself: errors.Is(err, hawser.ErrStale).
type ErrorCode int32

// The errors of hawser.h, which says when each of them is answered.
const (
	ErrNoMemory    ErrorCode = C.HWS_ERR_NO_MEMORY
	ErrArgument    ErrorCode = C.HWS_ERR_ARGUMENT
	ErrStale       ErrorCode = C.HWS_ERR_STALE
	ErrClosed      ErrorCode = C.HWS_ERR_CLOSED
	ErrWouldBlock  ErrorCode = C.HWS_ERR_WOULD_BLOCK
	ErrTooSmall    ErrorCode = C.HWS_ERR_TOO_SMALL
	ErrState       ErrorCode = C.HWS_ERR_STATE
	ErrURL         ErrorCode = C.HWS_ERR_URL
	ErrOption      ErrorCode = C.HWS_ERR_OPTION
	ErrRange       ErrorCode = C.HWS_ERR_RANGE
	ErrHeader      ErrorCode = C.HWS_ERR_HEADER
	ErrOpcode      ErrorCode = C.HWS_ERR_OPCODE
	ErrCloseCode   ErrorCode = C.HWS_ERR_CLOSE_CODE
	ErrUTF8        ErrorCode = C.HWS_ERR_UTF8
	ErrTooLarge    ErrorCode = C.HWS_ERR_TOO_LARGE
	ErrUnsupported ErrorCode = C.HWS_ERR_UNSUPPORTED
	ErrBusy        ErrorCode = C.HWS_ERR_BUSY
	ErrSystem      ErrorCode = C.HWS_ERR_SYSTEM
	ErrRandom      ErrorCode = C.HWS_ERR_RANDOM
	ErrResolve     ErrorCode = C.HWS_ERR_RESOLVE
	ErrConnect     ErrorCode = C.HWS_ERR_CONNECT
	ErrListen      ErrorCode = C.HWS_ERR_LISTEN
	ErrTLS         ErrorCode = C.HWS_ERR_TLS
	ErrHTTP        ErrorCode = C.HWS_ERR_HTTP
	ErrHandshake   ErrorCode = C.HWS_ERR_HANDSHAKE
	ErrProtocol    ErrorCode = C.HWS_ERR_PROTOCOL
	ErrLimit       ErrorCode = C.HWS_ERR_LIMIT
	ErrTimeout     ErrorCode = C.HWS_ERR_TIMEOUT
	ErrEOF         ErrorCode = C.HWS_ERR_EOF
	ErrIO          ErrorCode = C.HWS_ERR_IO
	ErrAborted     ErrorCode = C.HWS_ERR_ABORTED
	ErrDeflate     ErrorCode = C.HWS_ERR_DEFLATE
)

// Code is the number: -3.
func (c ErrorCode) Code() int { return int(c) }

// Name is the stable name: "HWS_ERR_STALE"; "HWS_OK" for 0.
func (c ErrorCode) Name() string { return C.GoString(C.hws_error_name(C.hws_result(c))) }

// Error is a sentence about the code.
func (c ErrorCode) Error() string { return "hawser: " + C.GoString(C.hws_error_text(C.hws_result(c))) }

// An Error is an ErrorCode with words about this very failure, such as the file that could not be read.
type Error struct {
	ErrorCode
	Words string
}

func (e *Error) Error() string { return "hawser: " + e.Words }

// Unwrap is the ErrorCode.
func (e *Error) Unwrap() error { return e.ErrorCode }

var (
	errNUL   = &Error{ErrArgument, "a string has a NUL in it"}
	errFreed = &Error{ErrArgument, "the manager is freed, or was not made by NewManager"}
)

// For functions whose errors have no words of their own.
func check(result C.hws_result) error {
	if result < 0 {
		return ErrorCode(result)
	}
	return nil
}

// A CloseError says how a connection ended. errors.Is(err, io.EOF) is true for one that the peer closed in good order
// with 1000, 1001 or no code, and errors.Is(err, hawser.ErrTimeout) and the like where an error ended it.
type CloseError struct {
	Code   int    // the peer's close code; 1005: it gave none; 1006: no Close frame came
	Reason string // the peer's
	ByPeer bool   // the peer ended it, broke the protocol, was silent, or could not be reached
	Clean  bool   // both Close frames were exchanged
	Err    error  // nil, or the ErrorCode that ended it
	System int    // errno or the HTTP status of a refusal, as Err says
	Words  string // which layer ended it and why, in English
}

func newCloseError(entry *C.hawser_go_entry) *CloseError {
	event := entry.event
	flags := EventFlags(event.flags)
	return &CloseError{Code: int(event.code), Reason: string(borrowed(event)), ByPeer: flags&ByPeer != 0,
		Clean: flags&Clean != 0, Err: check(event.error), System: int(event.system), Words: C.GoString(entry.text)}
}

func (e *CloseError) Error() string {
	if e.Err != nil {
		return "hawser: " + e.Words
	}
	if e.Reason != "" {
		return fmt.Sprintf("hawser: closed with %d: %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("hawser: closed with %d", e.Code)
}

// Unwrap is Err.
func (e *CloseError) Unwrap() error { return e.Err }

// Is tells the end of a conversation, io.EOF, from other ends.
func (e *CloseError) Is(target error) bool {
	return target == io.EOF && e.Clean && e.Err == nil && (e.Code == 1000 || e.Code == 1001 || e.Code == 1005)
}

// CloseStatus is the code of a *CloseError, wrapped or not, and -1 for any other error.
func CloseStatus(err error) int {
	var end *CloseError
	if errors.As(err, &end) {
		return end.Code
	}
	return -1
}
