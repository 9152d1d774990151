// The driver of bindings/conformance/README.md, on the raw layer.
package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"hawser.org/hawser"
)

const shown = 64 // bytes of a payload that are printed as they are

type driver struct {
	url     string
	options *hawser.Options
	manager *hawser.Manager

	listener    hawser.ID
	connections []hawser.ID
	events      []hawser.Event // those of the batch that were not taken yet
}

func die(words ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"driver:"}, words...)...)
	os.Exit(2)
}

// ---- words

func number(word string) int {
	value, err := strconv.Atoi(word)
	if err != nil {
		die("not a number:", word)
	}
	return value
}

func (d *driver) id(word string) hawser.ID {
	if word == "l" {
		return d.listener
	}
	if word[0] != 'c' {
		return hawser.ID(number(word))
	}
	index := number(word[1:])
	if index < 1 || index > len(d.connections) {
		die("no such connection:", word)
	}
	return d.connections[index-1]
}

func (d *driver) name(id hawser.ID) string {
	if id == d.listener {
		return "l"
	}
	for i, known := range d.connections {
		if known == id {
			return fmt.Sprint("c", i+1)
		}
	}
	d.connections = append(d.connections, id)
	return fmt.Sprint("c", len(d.connections))
}

func opcode(word string) hawser.Opcode {
	switch word {
	case "text":
		return hawser.Text
	case "binary":
		return hawser.Binary
	}
	return hawser.Opcode(number(word))
}

func payload(word string) []byte {
	if count, one, found := strings.Cut(word, "*"); found {
		if n, err := strconv.Atoi(count); err == nil {
			return bytes.Repeat(payload(one), n)
		}
	}
	if word == "-" {
		return nil
	}
	if strings.HasPrefix(word, "hex:") {
		data, err := hex.DecodeString(word[4:])
		if err != nil {
			die(err)
		}
		return data
	}
	return []byte(word)
}

// ---- what is printed

// Of what can be read, at least.
func show(data []byte, isText bool) string {
	switch {
	case len(data) == 0:
		return "-"
	case len(data) > shown:
		return fmt.Sprintf("crc32:%08x", crc32.ChecksumIEEE(data))
	case isText && bytes.IndexFunc(data, func(r rune) bool { return r < ' ' }) < 0:
		return string(data)
	}
	return "hex:" + hex.EncodeToString(data)
}

type coded interface {
	Name() string
	Code() int
}

func failed(err error) string {
	var code coded
	if !errors.As(err, &code) {
		die(err)
	}
	return fmt.Sprint(code.Name(), " ", code.Code())
}

func report(command string, err error) { reportValue(command, "ok", err) }

func reportValue(command string, value any, err error) {
	if err != nil {
		value = failed(err)
	}
	fmt.Printf("%s: %v\n", command, value)
}

func reportText(command, text string) {
	if text == "" {
		text = "none"
	}
	fmt.Printf("%s: %s\n", command, text)
}

var eventNames = []string{"", "OPEN", "MESSAGE", "DRAIN", "CLOSE", "REQUEST", "PONG"}

func flag(event hawser.Event, bit hawser.EventFlags, word string) string {
	if event.Flags&bit == 0 {
		return ""
	}
	return " " + word
}

const whole = hawser.First | hawser.Final

func describe(event hawser.Event) string {
	switch event.Kind {
	case hawser.EventOpen:
		if event.Listener != 0 {
			return " l"
		}
	case hawser.EventRequest:
		if event.Flags&hawser.Upgrade != 0 {
			return " l upgrade"
		}
		return " l http"
	case hawser.EventMessage:
		kind := map[hawser.Opcode]string{hawser.Text: "text", hawser.Binary: "binary"}[event.Opcode]
		return fmt.Sprint(" ", kind, flag(event, hawser.First, "first"), flag(event, hawser.Final, "final"), " ",
			len(event.Data), " ", show(event.Data, event.Opcode == hawser.Text && event.Flags&whole == whole))
	case hawser.EventPong:
		return fmt.Sprint(" ", len(event.Data), " ", show(event.Data, false))
	case hawser.EventClose:
		return fmt.Sprint(" ", event.Code, " ", event.Error.Name(), " ", event.System, flag(event, hawser.ByPeer, "by-peer"),
			flag(event, hawser.Clean, "clean"), " ", show(event.Data, true))
	}
	return ""
}

func (d *driver) print(event hawser.Event) {
	tag := ""
	if event.Tag != 0 {
		tag = fmt.Sprint(" tag ", event.Tag)
	}
	fmt.Printf("%s %s%s%s\n", d.name(event.Connection), eventNames[event.Kind], describe(event), tag)
}

// ---- events

func (d *driver) take() hawser.Event {
	for len(d.events) == 0 {
		var err error
		if d.events, err = d.manager.Poll(-1); err != nil {
			die(err)
		}
	}
	event := d.events[0]
	d.events = d.events[1:]
	return event
}

func (d *driver) takeMany(name string, count int) {
	for seen := 0; seen < count; {
		event := d.take()
		d.name(event.Connection)
		if eventNames[event.Kind] == name {
			seen++
		}
	}
	fmt.Println(name, count)
}

func (d *driver) echo(count int) {
	for count > 0 {
		event := d.take()
		d.print(event)
		if event.Kind == hawser.EventMessage {
			report("send", d.manager.Send(event.Connection, event.Opcode, event.Data))
			count--
		}
	}
}

func (d *driver) skip(data []byte) {
	for {
		event := d.take()
		if event.Kind == hawser.EventMessage && bytes.Equal(event.Data, data) {
			d.print(event)
			return
		}
	}
}

// ---- calls

func (d *driver) givenOptions() *hawser.Options {
	if d.options == nil {
		d.options = &hawser.Options{}
	}
	return d.options
}

func (d *driver) setOption(name, value string) error {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return d.givenOptions().Set(name, n)
	}
	return d.givenOptions().Set(name, value)
}

func (d *driver) needManager() {
	if d.manager != nil {
		return
	}
	var err error
	if d.manager, err = hawser.NewManager(d.options); err != nil {
		die(err)
	}
	d.options = nil
}

func (d *driver) listen() {
	var err error
	if d.listener, err = d.manager.Listen(d.url+"/", d.options); err != nil {
		report("listen", err)
		return
	}
	fmt.Println("listening", d.manager.LocalAddress(d.listener))
}

func (d *driver) connect(path string, count int) {
	url := d.url + path
	if strings.Contains(path, "://") {
		url = path
	}
	name := ""
	for i := 0; i < count; i++ {
		id, err := d.manager.Connect(url, d.options)
		if err != nil {
			report("connect", err)
			return
		}
		name = d.name(id)
	}
	reportValue("connect", name, nil)
}

func (d *driver) fill(id hawser.ID, kind hawser.Opcode, data []byte) error {
	for {
		if err := d.manager.Send(id, kind, data); err != nil {
			return err
		}
	}
}

func (d *driver) close(words []string) error {
	reason := ""
	if len(words) > 3 {
		reason = string(payload(words[3]))
	}
	return d.manager.Close(d.id(words[1]), number(words[2]), reason)
}

// ---- commands

// What any goroutine may say.
func (d *driver) runAnywhere(words []string) (err error, known bool) {
	switch words[0] {
	case "wake":
		return d.manager.Wake(), true
	case "send":
		return d.manager.Send(d.id(words[1]), opcode(words[2]), payload(words[3])), true
	case "close":
		return d.close(words), true
	}
	return nil, false
}

func (d *driver) runCall(words []string) bool {
	var err error
	switch words[0] {
	case "part":
		err = d.manager.SendPart(d.id(words[1]), opcode(words[2]), payload(words[3]), words[4] == "final")
	case "fill":
		err = d.fill(d.id(words[1]), opcode(words[2]), payload(words[3]))
	case "ping":
		err = d.manager.Ping(d.id(words[1]), payload(words[2]))
	case "abort":
		err = d.manager.Abort(d.id(words[1]))
	case "pause":
		err = d.manager.Pause(d.id(words[1]))
	case "resume":
		err = d.manager.Resume(d.id(words[1]))
	case "flush":
		err = d.manager.Flush()
	case "tag":
		err = d.manager.SetTag(d.id(words[1]), int64(number(words[2])))
	case "drain":
		err = d.manager.Drain(milliseconds(words[1]))
	default:
		return false
	}
	report(words[0], err)
	return true
}

func milliseconds(word string) time.Duration { return time.Duration(number(word)) * time.Millisecond }

func (d *driver) runReader(words []string) bool {
	word := words[0]
	switch word {
	case "path":
		reportText(word, d.manager.Path(d.id(words[1])))
	case "status":
		reportText(word, d.manager.Status(d.id(words[1])))
	case "subprotocol":
		reportText(word, d.manager.Subprotocol(d.id(words[1])))
	case "extensions":
		reportText(word, d.manager.Extensions(d.id(words[1])))
	case "header":
		value, found := d.manager.Header(d.id(words[1]), words[2], 0)
		if !found {
			value = "none"
		}
		reportValue(word, value, nil)
	default:
		return false
	}
	return true
}

func (d *driver) runNumber(words []string) bool {
	var value any
	var err error
	switch words[0] {
	case "queued":
		value, err = d.manager.Queued(d.id(words[1]))
	case "stat":
		value, err = d.manager.Stat(words[1])
	case "broadcast":
		value, err = d.manager.Broadcast(d.listener, d.id(words[1]), opcode(words[2]), payload(words[3]))
	case "poll":
		d.events, err = d.manager.Poll(milliseconds(words[1]))
		value = len(d.events)
	default:
		return false
	}
	reportValue(words[0], value, err)
	return true
}

func (d *driver) runEvents(words []string) bool {
	switch words[0] {
	case "event":
		d.print(d.take())
	case "events":
		d.takeMany(words[1], number(words[2]))
	case "echo":
		d.echo(number(words[1]))
	case "skip":
		d.skip(payload(words[1]))
	default:
		return false
	}
	return true
}

// What takes the options that were given.
func (d *driver) runWithOptions(words []string) bool {
	switch words[0] {
	case "listen":
		d.listen()
	case "connect":
		d.connect(words[1], number(append(words, "1")[2]))
	case "accept":
		report(words[0], d.manager.Accept(d.id(words[1]), append(words, "")[2], d.options))
	case "respond":
		report(words[0], d.manager.Respond(d.id(words[1]), number(words[2]), d.options, payload(words[3])))
	default:
		return false
	}
	d.options = nil
	return true
}

func (d *driver) runSetting(line string) bool {
	words := strings.SplitN(line, " ", 3)
	switch words[0] {
	case "option":
		report(words[0], d.setOption(words[1], words[2]))
	case "add_header":
		report(words[0], d.givenOptions().AddHeader(words[1], words[2]))
	default:
		return false
	}
	return true
}

func (d *driver) run(line string) {
	if d.runSetting(line) {
		return
	}
	d.needManager()
	words := strings.Split(line, " ")
	if err, known := d.runAnywhere(words); known {
		report(words[0], err)
		return
	}
	if !(d.runCall(words) || d.runReader(words) || d.runNumber(words) || d.runEvents(words) || d.runWithOptions(words)) {
		die("unknown command:", line)
	}
}

// ---- the script

type later struct {
	command string
	err     error
}

func (d *driver) begin(line string) <-chan later {
	done := make(chan later, 1)
	go func() {
		time.Sleep(50 * time.Millisecond)
		words := strings.Split(line, " ")
		err, _ := d.runAnywhere(words)
		done <- later{words[0], err}
	}()
	return done
}

func (d *driver) runScript(script, role string) {
	var waiting <-chan later
	isOurs := false
	for _, line := range strings.Split(script, "\n") {
		switch {
		case line == "" || line[0] == '#' || line[0] == '>':
		case line == "client" || line == "server":
			isOurs = line == role
		case !isOurs:
		case strings.HasPrefix(line, "later "):
			waiting = d.begin(strings.TrimPrefix(line, "later "))
		default:
			d.run(line)
			if waiting != nil {
				done := <-waiting
				report(done.command, done.err)
				waiting = nil
			}
		}
	}
}

func main() {
	runtime.LockOSThread() // the library tells threads apart, where a message is sent amid the parts of another one
	if len(os.Args) < 4 {
		die("usage: driver FILE client|server URL [OPTION=VALUE ...]")
	}
	script, err := os.ReadFile(os.Args[1])
	if err != nil {
		die(err)
	}
	d := &driver{url: os.Args[3]}
	for _, argument := range os.Args[4:] {
		name, value, _ := strings.Cut(argument, "=")
		if err := d.setOption(name, value); err != nil {
			die(argument+":", err)
		}
	}
	d.runScript(string(script), os.Args[2])
	if d.manager != nil {
		d.manager.Free()
	}
}
