// An echo server and client on gws: see the contract in bench/README.md.
package main

import (
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"

	"github.com/lxzan/gws"
)

const (
	maxMessage       = 16 << 20
	compressionLevel = 6 // zlib's own, as with the other libraries
)

type echo struct{ gws.BuiltinEventHandler }

func (echo) OnMessage(connection *gws.Conn, message *gws.Message) {
	defer message.Close()
	connection.WriteMessage(message.Opcode, message.Bytes())
}

// Every reply is compressed, however small, and without the messages before it.
func deflate(layer string) gws.PermessageDeflate {
	return gws.PermessageDeflate{Enabled: layer == "deflate", Level: compressionLevel, Threshold: 1}
}

func serve(task, port string, files []string) {
	upgrader := gws.NewUpgrader(echo{}, &gws.ServerOption{ReadMaxPayloadSize: maxMessage, WriteMaxPayloadSize: maxMessage,
		CheckUtf8Enabled: true, PermessageDeflate: deflate(task)})
	http.HandleFunc("/", func(response http.ResponseWriter, request *http.Request) {
		if connection, err := upgrader.Upgrade(response, request); err == nil {
			go connection.ReadLoop() // not here: what net/http holds for the request is given back
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
	option := &gws.ClientOption{Addr: "ws://127.0.0.1:" + port + "/", ReadMaxPayloadSize: maxMessage,
		WriteMaxPayloadSize: maxMessage, CheckUtf8Enabled: true, PermessageDeflate: deflate(layer)}
	if layer == "wss" {
		option.Addr = "wss://127.0.0.1:" + port + "/"
		option.TlsConfig = &tls.Config{InsecureSkipVerify: true}
	}
	var open sync.WaitGroup
	for range count {
		open.Go(func() {
			connection, _, err := gws.NewClient(echo{}, option)
			if err != nil {
				log.Fatal(err)
			}
			connection.ReadLoop()
		})
	}
	open.Wait()
}

func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/lxzan/gws" {
			return "gws " + module.Version
		}
	}
	return "gws"
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
