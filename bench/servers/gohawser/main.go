// An echo server and client on hawser's Go binding: see the contract in bench/README.md.
//
// What is measured is the Handler. HAWSER_API=messages takes ReadMessage and WriteMessage in its place, with a goroutine
// for each connection.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"syscall"

	"hawser.org/hawser"
)

var background = context.Background()

func answer(conn *hawser.Conn, opcode hawser.Opcode, data []byte) {
	if err := conn.WriteMessage(background, opcode, data); err == hawser.ErrWouldBlock {
		log.Fatal(err) // pause_above comes first
	}
}

func echo(conn *hawser.Conn) {
	for {
		opcode, data, err := conn.ReadMessage(background)
		if err != nil {
			return
		}
		if conn.WriteMessage(background, opcode, data) != nil {
			return
		}
	}
}

func usesMessages() bool { return os.Getenv("HAWSER_API") == "messages" }

func configure(layer string) *hawser.Config {
	config := &hawser.Config{Options: &hawser.Options{}}
	set(config, "pause_above", 1<<20)
	if layer == "deflate" {
		set(config, "deflate", "shared")
	}
	if !usesMessages() {
		config.Handler = &hawser.Handler{Message: answer}
	}
	return config
}

func set(config *hawser.Config, name string, value any) {
	if err := config.Options.Set(name, value); err != nil {
		log.Fatal(name, ": ", err)
	}
}

func serve(task, port string, files []string) {
	config, scheme := configure(task), "ws"
	if task == "wss" {
		scheme = "wss"
		set(config, "tls_certificate", files[0])
		set(config, "tls_key", files[1])
	}
	listener, err := hawser.Listen(scheme+"://127.0.0.1:"+port+"/", config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	log.Fatal(listener.Serve(echo))
}

func connect(layer, port string, count int) {
	config, scheme := configure(layer), "ws"
	if layer == "wss" {
		scheme = "wss"
		set(config, "tls_verify", false)
	}
	ended := make(chan *hawser.Conn)
	for i := 0; i < count; i++ {
		go func() {
			conn, err := hawser.Dial(background, scheme+"://127.0.0.1:"+port+"/", config)
			if err != nil {
				log.Fatal(err)
			}
			if usesMessages() {
				echo(conn)
			}
			<-conn.Done()
			ended <- conn
		}()
	}
	for i := 0; i < count; i++ {
		if conn := <-ended; hawser.CloseStatus(conn.Err()) == 1006 {
			log.Fatal(conn.Err())
		}
	}
}

// The library takes the soft limit as the number of connections. Go raises it only for itself.
func raiseDescriptorLimit() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
}

func main() {
	raiseDescriptorLimit()
	arguments := append(os.Args[1:], "", "", "")
	task, port := arguments[0], arguments[1]
	layer := task
	if task == "client" {
		if layer = arguments[3]; layer == "" {
			layer = "ws"
		}
	}
	switch {
	case task == "version":
		fmt.Println("hawser.org/hawser", hawser.Version())
	case layer != "ws" && layer != "wss" && layer != "deflate":
		os.Exit(3)
	case task == "client":
		count, _ := strconv.Atoi(arguments[2])
		connect(layer, port, count)
	default:
		serve(task, port, arguments[2:4])
	}
}
