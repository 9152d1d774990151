// An echo server and client on gorilla/websocket: see the contract in bench/README.md.
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

const (
	maxMessage       = 16 << 20
	compressionLevel = 6 // zlib's own, as with the other libraries
)

// It doesn't check that text is UTF-8: that is left to the application.
func echo(connection *websocket.Conn) {
	defer connection.Close()
	connection.SetReadLimit(maxMessage)
	connection.SetCompressionLevel(compressionLevel)
	var message bytes.Buffer
	for {
		opcode, reader, err := connection.NextReader()
		if err != nil {
			return
		}
		message.Reset()
		if _, err = message.ReadFrom(reader); err != nil {
			return
		}
		if err = connection.WriteMessage(opcode, message.Bytes()); err != nil {
			return
		}
	}
}

func serve(task, port string, files []string) {
	upgrader := websocket.Upgrader{EnableCompression: task == "deflate"}
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		if connection, err := upgrader.Upgrade(response, request, nil); err == nil {
			echo(connection)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening")
	if task == "wss" {
		log.Fatal(http.ServeTLS(listener, nil, files[0], files[1]))
	}
	log.Fatal(http.Serve(listener, nil))
}

func connect(layer, port string, count int) {
	dialer := websocket.Dialer{EnableCompression: layer == "deflate", TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	url := "ws://127.0.0.1:" + port + "/"
	if layer == "wss" {
		url = "wss://127.0.0.1:" + port + "/"
	}
	var open sync.WaitGroup
	for range count {
		open.Go(func() {
			connection, _, err := dialer.Dial(url, nil)
			if err != nil {
				log.Fatal(err)
			}
			echo(connection)
		})
	}
	open.Wait()
}

func version() string {
	build, _ := debug.ReadBuildInfo()
	return "gorilla/websocket " + build.Deps[0].Version
}

func main() {
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
		fmt.Println(version())
	case layer != "ws" && layer != "wss" && layer != "deflate":
		os.Exit(3)
	case task == "client":
		count, _ := strconv.Atoi(arguments[2])
		connect(layer, port, count)
	default:
		serve(task, port, arguments[2:4])
	}
}
