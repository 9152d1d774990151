package hawser

// #include "batch.h"
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Options are named values for a manager, a listener or a connection; docs/reference/options.md lists them, and so does
// [OptionList]. What is not set comes from the manager's options, and what is not set there from the defaults. The zero
// value is ready, nil stands for none. A use takes a snapshot, so that later changes do not touch it; connects with the
// same Options share a trust store and resume each other's TLS sessions. For any goroutine.
type Options struct {
	mutex sync.Mutex
	held  *heldOptions // nil: nothing yet
}

// An object of its own, as a finalizer wants one, while Options may be a part of another.
type heldOptions struct {
	handle   *C.hws_options
	settings []func(*C.hws_options) C.hws_result // those that were accepted, for a clone
}

// Until unlock. NULL for nil.
func (o *Options) lock() *C.hws_options {
	if o == nil {
		return nil
	}
	o.mutex.Lock()
	if o.held == nil {
		o.held = &heldOptions{handle: C.hws_options_new()}
		if o.held.handle == nil {
			panic("hawser: out of memory")
		}
		runtime.SetFinalizer(o.held, func(held *heldOptions) { C.hws_options_free(held.handle) })
	}
	return o.held.handle
}

func (o *Options) unlock() {
	if o != nil {
		o.mutex.Unlock()
	}
}

// Set sets an option to an integer, a bool, a string or a time.Duration (rounded up to milliseconds;
// negative: without limit).
// ErrOption: there is none of this name that takes such a value. ErrRange: it is out of range or malformed.
func (o *Options) Set(name string, value any) error {
	switch value := value.(type) {
	case int:
		return o.setInt(name, int64(value))
	case int64:
		return o.setInt(name, value)
	case bool:
		return o.setInt(name, int64(boolean(value)))
	case time.Duration:
		return o.setInt(name, wholeMilliseconds(value))
	case string:
		return o.setText(name, value)
	}
	return &Error{ErrArgument, fmt.Sprintf("option %s: a %T is no int, int64, bool, string or time.Duration", name, value)}
}

func (o *Options) setInt(name string, value int64) error {
	return o.add(func(handle *C.hws_options, texts []*C.char) C.hws_result {
		return C.hws_options_set_int(handle, texts[0], C.int64_t(value))
	}, name)
}

func (o *Options) setText(name, value string) error {
	return o.add(func(handle *C.hws_options, texts []*C.char) C.hws_result {
		return C.hws_options_set_text(handle, texts[0], texts[1])
	}, name, value)
}

// AddHeader adds a header field to the request of a connect, the 101 of a listener or an Accept, the answer of a Respond.
// ErrHeader: the name is no token or belongs to the handshake, or the value has a control character.
func (o *Options) AddHeader(name, value string) error {
	return o.add(func(handle *C.hws_options, texts []*C.char) C.hws_result {
		return C.hws_options_add_header(handle, texts[0], texts[1])
	}, name, value)
}

// AddCertificate adds a certificate of a wss:// listener for clients that ask for host: a name, "*.example.org", or ""
// for all others. chain and key are names of PEM files or PEM text; key is "" if it is in the file of the chain.
func (o *Options) AddCertificate(host, chain, key string) error {
	return o.add(func(handle *C.hws_options, texts []*C.char) C.hws_result {
		return C.hws_options_add_certificate(handle, texts[0], texts[1], texts[2])
	}, host, chain, key)
}

func (o *Options) add(call func(*C.hws_options, []*C.char) C.hws_result, texts ...string) error {
	if o == nil {
		return &Error{ErrArgument, "the Options are nil"}
	}
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return errNUL
		}
	}
	setting := func(handle *C.hws_options) C.hws_result {
		copies := make([]*C.char, len(texts))
		for i, text := range texts {
			copies[i] = C.CString(text)
			defer free(copies[i])
		}
		return call(handle, copies)
	}
	defer o.unlock()
	result := setting(o.lock())
	if result == 0 {
		o.held.settings = append(o.held.settings, setting)
	}
	return check(result)
}

func (o *Options) clone() *Options {
	clone := &Options{}
	defer clone.unlock()
	defer o.unlock()
	handle := clone.lock()
	if o.lock() != nil {
		for _, setting := range o.held.settings {
			setting(handle)
		}
		clone.held.settings = append(clone.held.settings, o.held.settings...)
	}
	return clone
}

// OptionKind says what an option takes.
type OptionKind int

const (
	OptionInt  OptionKind = C.HWS_OPTION_INT
	OptionFlag OptionKind = C.HWS_OPTION_FLAG
	OptionText OptionKind = C.HWS_OPTION_TEXT
)

// An OptionInfo describes an option; a text has no Default, Min and Max, but tells them in Text.
type OptionInfo struct {
	Name              string
	Kind              OptionKind
	Default, Min, Max int64
	Text              string
}

// OptionList describes all options.
func OptionList() []OptionInfo {
	list := make([]OptionInfo, C.hws_option_count())
	for i := range list {
		index := C.int32_t(i)
		list[i] = OptionInfo{C.GoString(C.hws_option_name(index)), OptionKind(C.hws_option_kind(index)),
			int64(C.hws_option_default(index)), int64(C.hws_option_min(index)), int64(C.hws_option_max(index)),
			C.GoString(C.hws_option_text(index))}
	}
	return list
}

// A StatInfo describes a counter of [Manager.Stat].
type StatInfo struct{ Name, Text string }

// StatList describes all counters.
func StatList() []StatInfo {
	list := make([]StatInfo, C.hws_stat_count())
	for i := range list {
		list[i] = StatInfo{C.GoString(C.hws_stat_name(C.int32_t(i))), C.GoString(C.hws_stat_text(C.int32_t(i)))}
	}
	return list
}
